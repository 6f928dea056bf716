package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Text;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.ResidualBlock;

/**
 * The gradient at the first block is a sum over all ways through the network, each of which takes
 * the branch or the shortcut of every block. For each number of branches some ways are drawn, and
 * the gradient that comes along each of them alone is measured.
 */
final class PathLengths implements Experiment {
  private static final int BATCH = 8;

  /** Ways that are drawn for each number of branches. */
  private static final int DRAWS = 8;

  @Override
  public String id() {
    return "path-lengths";
  }

  @Override
  public String summary() {
    return "Gradient along paths through k residual branches: how deep are the paths that train the network?";
  }

  @Override
  public String paper() {
    return "Veit et al. 2016, arXiv:1605.06431";
  }

  @Override
  public Result run(LabContext lab) {
    List<ResidualBlock> blocks = lab.blocks();
    Graph gated = GradientGates.gated(lab.graph());
    List<List<Object>> rows = new ArrayList<>();
    double[] trained;
    double[] initial;
    try (Model model = lab.with(gated)) {
      trained = shares(lab, "trained", model, blocks, rows);
    }
    try (Model model = lab.initial(gated, Model.BlockEnd.ONE)) {
      initial = shares(lab, "initial", model, blocks, rows);
    }
    double[] lengths = Vectors.numbers(blocks.size() + 1);
    double[] paths = new double[lengths.length];
    for (int k = 0; k < paths.length; k++) {
      paths[k] = ways(blocks.size(), k) / Math.pow(2, blocks.size());
    }
    return new Result(
        Text.format(
            "Half of the gradient's magnitude comes along paths of at most %s of %s branches trained,"
                + " %s at the start; half of all paths have at most %s",
            median(trained), blocks.size(), median(initial), median(paths)),
        List.of("weights", "branches", "paths", "measured", "mean norm", "share"),
        rows,
        List.of(
            new Panel.Lines(
                "Share of the gradient's magnitude by number of branches on the path",
                "residual branches on the path",
                "share",
                List.of(
                    new Panel.Series("trained", lengths, trained),
                    new Panel.Series("initial", lengths, initial),
                    new Panel.Series("number of paths", lengths, paths)))));
  }

  /** Of the sum of norms, what belongs to each number of branches. */
  private static double[] shares(
      LabContext lab,
      String name,
      Model model,
      List<ResidualBlock> blocks,
      List<List<Object>> rows) {
    int count = blocks.size();
    double[] sums = new double[count + 1];
    double[] means = new double[count + 1];
    int[] measured = new int[count + 1];
    try (GradientGates gates = new GradientGates(lab, model, blocks, lab.batch(BATCH))) {
      for (int k = 0; k <= count; k++) {
        lab.step(Text.format("paths of %s branches, %s", k, name));
        measured[k] = (int) Math.min(DRAWS, ways(count, k));
        for (int draw = 0; draw < measured[k]; draw++) {
          boolean[] chosen = chosen(lab, count, k, draw, measured[k] < DRAWS);
          for (int b = 0; b < count; b++) {
            gates.set(b, chosen[b], !chosen[b]);
          }
          gates.run();
          means[k] += Vectors.norm(gates.entering(0)) / measured[k];
        }
        sums[k] = means[k] * ways(count, k);
      }
    }
    double total = java.util.Arrays.stream(sums).sum();
    for (int k = 0; k <= count; k++) {
      sums[k] = total == 0 ? 0 : sums[k] / total;
      rows.add(List.of(name, k, (long) ways(count, k), measured[k], means[k], sums[k]));
    }
    return sums;
  }

  /** The blocks whose branches a path takes; where there are only a few paths, each in turn. */
  private static boolean[] chosen(LabContext lab, int count, int k, int draw, boolean all) {
    boolean[] chosen = new boolean[count];
    if (all && k > 0 && k < count) {
      // Fewer than DRAWS ways to choose leave only a few blocks.
      int mask = 0;
      for (int found = -1; found < draw; mask++) {
        found += Integer.bitCount(mask) == k ? 1 : 0;
      }
      for (int b = 0; b < count; b++) {
        chosen[b] = (mask - 1 >> b & 1) == 1;
      }
      return chosen;
    }
    int[] order = RandomStreams.permutation(count, lab.random("paths", k, draw));
    for (int i = 0; i < k; i++) {
      chosen[order[i]] = true;
    }
    return chosen;
  }

  /** Binomial coefficient. */
  private static double ways(int n, int k) {
    double ways = 1;
    for (int i = 1; i <= k; i++) {
      ways = ways * (n - k + i) / i;
    }
    return Math.rint(ways);
  }

  private static int median(double[] shares) {
    double sum = 0;
    for (int k = 0; k < shares.length; k++) {
      sum += shares[k];
      if (sum >= 0.5) {
        return k;
      }
    }
    return shares.length - 1;
  }
}
