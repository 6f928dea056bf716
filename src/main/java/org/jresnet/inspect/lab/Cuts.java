package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.Text;
import org.jresnet.graph.Graph;
import org.jresnet.graph.ResidualBlock;
import org.jresnet.graph.Rewrite;

/** Of one block at a time the shortcut is cut, or the branch. */
final class Cuts implements Experiment {
  @Override
  public String id() {
    return "cuts";
  }

  @Override
  public String summary() {
    return "Cut the shortcut of each block, then its branch: which of the two carries the network?";
  }

  @Override
  public String paper() {
    return "He et al. 2015, arXiv:1512.03385; Veit et al. 2016, arXiv:1605.06431";
  }

  @Override
  public Result run(LabContext lab) {
    List<ResidualBlock> blocks = lab.blocks();
    LabContext.Score whole = lab.score();
    List<List<Object>> rows = new ArrayList<>();
    rows.add(List.of("none", "", whole.accuracy(), whole.loss()));
    double[] branch = new double[blocks.size()];
    double[] shortcut = new double[blocks.size()];
    for (int b = 0; b < branch.length; b++) {
      ResidualBlock block = blocks.get(b);
      lab.step(Text.format("cuts in %s", block.name()));
      String addition = block.addition().name();
      branch[b] = cut(lab, rows, block, "branch", Rewrite.withoutBranch(lab.graph(), addition));
      shortcut[b] =
          cut(lab, rows, block, "shortcut", Rewrite.withoutShortcut(lab.graph(), addition));
    }
    return new Result(
        Text.format(
            "Mean accuracy with one branch cut %.1f %%, with one shortcut cut %.1f %%, whole %.1f %%",
            mean(branch), mean(shortcut), 100 * whole.accuracy()),
        List.of("cut", "block", "accuracy", "loss"),
        rows,
        List.of(
            new Panel.Bars(
                Text.format("One cut (whole network: %.1f %%)", 100 * whole.accuracy()),
                blocks.stream().map(ResidualBlock::name).toList(),
                "accuracy, %",
                List.of(
                    new Panel.Series("branch cut", new double[0], branch),
                    new Panel.Series("shortcut cut", new double[0], shortcut)))));
  }

  private static double cut(
      LabContext lab, List<List<Object>> rows, ResidualBlock block, String what, Graph graph) {
    LabContext.Score score = lab.score(graph);
    rows.add(List.of(what, block.name(), score.accuracy(), score.loss()));
    return 100 * score.accuracy();
  }

  private static double mean(double[] values) {
    return java.util.Arrays.stream(values).average().orElseThrow();
  }
}
