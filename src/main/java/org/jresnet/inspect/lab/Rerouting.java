package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.ResidualBlock;
import org.jresnet.graph.Rewrite;

/** Neighbouring blocks change places. */
final class Rerouting implements Experiment {
  @Override
  public String id() {
    return "rerouting";
  }

  @Override
  public String summary() {
    return "Swap neighbouring blocks of a stage: does their order matter?";
  }

  @Override
  public String paper() {
    return "Veit et al. 2016, arXiv:1605.06431";
  }

  @Override
  public Result run(LabContext lab) {
    List<ResidualBlock> blocks = lab.blocks();
    LabContext.Score whole = lab.score();
    List<List<Object>> rows = new ArrayList<>();
    rows.add(List.of("", "", whole.accuracy(), whole.loss()));
    List<String> names = new ArrayList<>();
    List<Double> accuracies = new ArrayList<>();
    List<Double> losses = new ArrayList<>();
    for (int b = 1; b < blocks.size(); b++) {
      ResidualBlock first = blocks.get(b - 1);
      ResidualBlock second = blocks.get(b);
      if (first.isBuiltAs(second)) {
        lab.step(Text.format("%s and %s swapped", first.name(), second.name()));
        LabContext.Score score =
            lab.score(
                Rewrite.swapped(lab.graph(), first.addition().name(), second.addition().name()));
        rows.add(List.of(first.name(), second.name(), score.accuracy(), score.loss()));
        names.add(first.name() + " / " + second.name());
        accuracies.add(100 * score.accuracy());
        losses.add(score.loss());
      }
    }
    if (names.isEmpty()) {
      throw new UserError(
          Text.format(
              "no two neighbouring blocks of %s are built alike; deeper networks have some",
              lab.graph().name()));
    }
    double mean = accuracies.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    return new Result(
        Text.format(
            "Mean accuracy with two neighbours swapped %.1f %%, as trained %.1f %%",
            mean, 100 * whole.accuracy()),
        List.of("first", "second", "accuracy", "loss"),
        rows,
        List.of(
            bars(
                Text.format("Neighbours swapped (as trained: %.1f %%)", 100 * whole.accuracy()),
                names,
                "accuracy, %",
                accuracies),
            bars(
                Text.format("Neighbours swapped (as trained: %.4f)", whole.loss()),
                names,
                "loss",
                losses)));
  }

  private static Panel bars(String title, List<String> names, String y, List<Double> values) {
    double[] heights = values.stream().mapToDouble(Double::doubleValue).toArray();
    return new Panel.Bars(title, names, y, List.of(new Panel.Series(y, new double[0], heights)));
  }
}
