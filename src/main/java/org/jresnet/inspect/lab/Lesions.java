package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Text;
import org.jresnet.graph.Graph;
import org.jresnet.graph.ResidualBlock;
import org.jresnet.graph.Rewrite;

/** Branches are removed, one at a time and several at once, and pairs of blocks change places. */
final class Lesions implements Experiment {
  /** How often blocks are drawn for a number of lesions. */
  private static final int DRAWS = 3;

  private static final int MOST = 10;

  @Override
  public String id() {
    return "lesions";
  }

  @Override
  public String summary() {
    return "Remove each residual branch, several at once, and swap blocks: what does the network lose?";
  }

  @Override
  public String paper() {
    return "Veit et al. 2016, arXiv:1605.06431";
  }

  @Override
  public Result run(LabContext lab) {
    List<ResidualBlock> blocks = lab.blocks();
    List<List<Object>> rows = new ArrayList<>();
    LabContext.Score whole = lab.score();
    rows.add(row("none", "", 0, whole));
    double[] single = new double[blocks.size()];
    double[] losses = new double[blocks.size()];
    int worst = 0;
    for (int b = 0; b < single.length; b++) {
      lab.step(Text.format("without %s", blocks.get(b).name()));
      LabContext.Score score = lab.score(without(lab.graph(), List.of(blocks.get(b))));
      rows.add(row("removed", blocks.get(b).name(), 1, score));
      single[b] = 100 * score.accuracy();
      losses[b] = score.loss();
      worst = losses[b] > losses[worst] ? b : worst;
    }
    int most = Math.min(MOST, blocks.size());
    double[] removed = new double[most + 1];
    double[] swapped = new double[most + 1];
    removed[0] = 100 * whole.accuracy();
    swapped[0] = removed[0];
    List<List<Integer>> pairs = pairs(blocks);
    for (int count = 1; count <= most; count++) {
      lab.step(Text.format("%s lesions", count));
      for (int draw = 0; draw < DRAWS; draw++) {
        int[] order = RandomStreams.permutation(blocks.size(), lab.random("lesions", count, draw));
        List<ResidualBlock> gone =
            IntStream.of(order).limit(count).sorted().mapToObj(blocks::get).toList();
        LabContext.Score score = lab.score(without(lab.graph(), gone));
        rows.add(row("removed together", names(gone), count, score));
        removed[count] += 100 * score.accuracy() / DRAWS;
        if (!pairs.isEmpty()) {
          LabContext.Score moved =
              lab.score(
                  shuffled(lab.graph(), blocks, pairs, count, lab.random("swaps", count, draw)));
          rows.add(row("swapped", "", count, moved));
          swapped[count] += 100 * moved.accuracy() / DRAWS;
        }
      }
    }
    double[] counts = IntStream.rangeClosed(0, most).asDoubleStream().toArray();
    List<Panel.Series> several = new ArrayList<>();
    several.add(new Panel.Series("removed", counts, removed));
    if (!pairs.isEmpty()) {
      several.add(new Panel.Series("swapped pairs", counts, swapped));
    }
    List<String> names = blocks.stream().map(ResidualBlock::name).toList();
    return new Result(
        Text.format(
            "Accuracy is %.1f %% and the loss %.4f; without the branch of %s, which is missed most, %.1f %% and %.4f",
            100 * whole.accuracy(),
            whole.loss(),
            blocks.get(worst).name(),
            single[worst],
            losses[worst]),
        List.of("lesion", "blocks", "count", "accuracy", "loss"),
        rows,
        List.of(
            new Panel.Bars(
                Text.format("One branch removed (whole network: %.1f %%)", 100 * whole.accuracy()),
                names,
                "accuracy, %",
                List.of(new Panel.Series("accuracy", new double[0], single))),
            new Panel.Bars(
                Text.format("One branch removed (whole network: %.4f)", whole.loss()),
                names,
                "loss",
                List.of(new Panel.Series("loss", new double[0], losses))),
            new Panel.Lines(
                Text.format("Several lesions, mean of %s draws", DRAWS),
                "number of lesions",
                "accuracy, %",
                several)));
  }

  private static List<Object> row(String lesion, String blocks, int count, LabContext.Score s) {
    return List.of(lesion, blocks, count, s.accuracy(), s.loss());
  }

  private static String names(List<ResidualBlock> blocks) {
    return blocks.stream().map(ResidualBlock::name).collect(Collectors.joining(" "));
  }

  private static Graph without(Graph graph, List<ResidualBlock> gone) {
    Graph made = graph;
    for (ResidualBlock block : gone) {
      made = Rewrite.withoutBranch(made, block.addition().name());
    }
    return made;
  }

  /** Blocks that can change places. */
  static List<List<Integer>> pairs(List<ResidualBlock> blocks) {
    List<List<Integer>> pairs = new ArrayList<>();
    for (int i = 0; i < blocks.size(); i++) {
      for (int j = i + 1; j < blocks.size(); j++) {
        if (blocks.get(i).isBuiltAs(blocks.get(j))) {
          pairs.add(List.of(i, j));
        }
      }
    }
    return pairs;
  }

  private static Graph shuffled(
      Graph graph,
      List<ResidualBlock> blocks,
      List<List<Integer>> pairs,
      int count,
      SplittableRandom random) {
    Graph made = graph;
    for (int i = 0; i < count; i++) {
      List<Integer> pair = pairs.get(random.nextInt(pairs.size()));
      made =
          Rewrite.swapped(
              made,
              blocks.get(pair.get(0)).addition().name(),
              blocks.get(pair.get(1)).addition().name());
    }
    return made;
  }
}
