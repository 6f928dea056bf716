package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.Text;
import org.jresnet.graph.Graph;
import org.jresnet.graph.ResidualBlock;
import org.jresnet.graph.Rewrite;

/** All residual branches are multiplied by a number. */
final class Scaling implements Experiment {
  /** Steps from 0 to 2. */
  private static final int STEPS = 16;

  @Override
  public String id() {
    return "scaling";
  }

  @Override
  public String summary() {
    return "Multiply all residual branches by s from 0 to 2: how much of them does the network need?";
  }

  @Override
  public String paper() {
    return "Veit et al. 2016, arXiv:1605.06431; Szegedy et al. 2016, arXiv:1602.07261, section 3.3";
  }

  @Override
  public Result run(LabContext lab) {
    List<ResidualBlock> blocks = lab.blocks();
    List<List<Object>> rows = new ArrayList<>();
    double[] factors = new double[STEPS + 1];
    double[] accuracy = new double[STEPS + 1];
    double[] loss = new double[STEPS + 1];
    int best = 0;
    for (int i = 0; i <= STEPS; i++) {
      factors[i] = 2.0 * i / STEPS;
      lab.step(Text.format("branches times %s", factors[i]));
      LabContext.Score score = lab.score(scaled(lab.graph(), blocks, factors[i]));
      rows.add(List.of(factors[i], score.accuracy(), score.loss()));
      accuracy[i] = 100 * score.accuracy();
      loss[i] = score.loss();
      best = loss[i] < loss[best] ? i : best;
    }
    return new Result(
        Text.format(
            "The loss is least at s = %s (%.4f); at s = 1 it is %.4f, without branches %.4f",
            factors[best], loss[best], loss[STEPS / 2], loss[0]),
        List.of("s", "accuracy", "loss"),
        rows,
        List.of(
            new Panel.Lines(
                "All residual branches times s",
                "s",
                "accuracy, %",
                List.of(new Panel.Series("accuracy", factors, accuracy))),
            new Panel.Lines(
                "All residual branches times s",
                "s",
                "loss",
                List.of(new Panel.Series("loss", factors, loss)))));
  }

  static Graph scaled(Graph graph, List<ResidualBlock> blocks, double factor) {
    Graph made = graph;
    for (ResidualBlock block : blocks) {
      made = Rewrite.scaledBranch(made, block.addition().name(), factor);
    }
    return made;
  }
}
