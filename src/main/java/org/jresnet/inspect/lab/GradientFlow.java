package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.Text;
import org.jresnet.engine.CompileOptions.Watch;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.ResidualBlock;
import org.jresnet.graph.Rewrite;

/**
 * How large the gradient is that arrives at each block, and what of it comes through the shortcut
 * and through the branch: with trained weights and with those that training begins with, usual and
 * {@code --zero-init}, and with all shortcuts removed.
 */
final class GradientFlow implements Experiment {
  private static final int BATCH = 16;

  @Override
  public String id() {
    return "gradient-flow";
  }

  @Override
  public String summary() {
    return "Gradient that enters each block, through shortcut and branch, trained, at the start, and without shortcuts";
  }

  @Override
  public String paper() {
    return "He et al. 2016, arXiv:1603.05027, section 2; Goyal et al. 2017, arXiv:1706.02677, section 5.1";
  }

  /** A way to give the network weights. */
  private record State(String name, double[] norms, double[] shares) {}

  @Override
  public Result run(LabContext lab) {
    List<ResidualBlock> blocks = lab.blocks();
    List<List<Object>> rows = new ArrayList<>();
    Graph gated = GradientGates.gated(lab.graph());
    List<State> states = new ArrayList<>();
    try (Model model = lab.with(gated)) {
      states.add(residual(lab, "trained", model, blocks, rows));
    }
    for (Model.BlockEnd end : Model.BlockEnd.values()) {
      try (Model model = lab.initial(gated, end)) {
        String name = end == Model.BlockEnd.ONE ? "initial" : "initial, zero-init";
        states.add(residual(lab, name, model, blocks, rows));
      }
    }
    states.add(plain(lab, blocks, rows));
    double[] x = Vectors.numbers(blocks.size());
    List<Panel.Series> norms = new ArrayList<>();
    List<Panel.Series> shares = new ArrayList<>();
    for (State state : states) {
      double[] logarithms = new double[x.length];
      for (int b = 0; b < x.length; b++) {
        logarithms[b] = Math.log10(Math.max(state.norms[b], Double.MIN_NORMAL));
      }
      norms.add(new Panel.Series(state.name, x, logarithms));
      if (state.shares.length > 0) {
        shares.add(new Panel.Series(state.name, x, state.shares));
      }
    }
    return new Result(
        Text.format(
            "From the last block to the first the gradient's norm changes by %.2f trained, %.2f at the"
                + " start, %.2f at the start without shortcuts",
            growth(states.get(0)), growth(states.get(1)), growth(states.get(3))),
        List.of("weights", "block", "norm", "through shortcut", "through branch"),
        rows,
        List.of(
            new Panel.Lines(
                "Gradient that enters each block",
                "block, from the image",
                "log10 of the norm",
                norms),
            new Panel.Lines(
                "What of it comes through the branch",
                "block, from the image",
                "norm, relative to the shortcut's",
                shares)));
  }

  private static double growth(State state) {
    return state.norms[0] / state.norms[state.norms.length - 1];
  }

  private static State residual(
      LabContext lab,
      String name,
      Model model,
      List<ResidualBlock> blocks,
      List<List<Object>> rows) {
    lab.step(Text.format("gradients, %s", name));
    double[] norms = new double[blocks.size()];
    double[] shares = new double[blocks.size()];
    try (GradientGates gates = new GradientGates(lab, model, blocks, lab.batch(BATCH))) {
      gates.run();
      List<float[]> whole = new ArrayList<>();
      for (int b = 0; b < norms.length; b++) {
        whole.add(gates.entering(b));
      }
      for (int b = 0; b < norms.length; b++) {
        gates.open();
        gates.set(b, false, true);
        gates.run();
        float[] shortcut = gates.entering(b);
        norms[b] = Vectors.norm(whole.get(b));
        double direct = Vectors.norm(shortcut);
        double branch = Vectors.norm(Vectors.minus(whole.get(b), shortcut));
        shares[b] = direct == 0 ? 0 : branch / direct;
        rows.add(List.of(name, blocks.get(b).name(), norms[b], direct, branch));
      }
    }
    return new State(name, norms, shares);
  }

  /** The same layers in a row, with the weights that training begins with. */
  private static State plain(LabContext lab, List<ResidualBlock> blocks, List<List<Object>> rows) {
    String name = "initial, no shortcuts";
    lab.step(Text.format("gradients, %s", name));
    Graph plain = lab.graph();
    for (ResidualBlock block : blocks) {
      plain = Rewrite.withoutShortcut(plain, block.addition().name());
    }
    List<String> entries = new ArrayList<>();
    for (ResidualBlock block : blocks) {
      entries.add(without(lab.graph(), block.entry()));
    }
    double[] norms = new double[entries.size()];
    int batch = lab.batch(BATCH);
    try (Model model = lab.initial(plain, Model.BlockEnd.ONE);
        Executable step =
            Executable.compile(
                model,
                lab.training(batch)
                    .withWatch(
                        new Watch(java.util.Set.of(), java.util.Set.copyOf(entries), List.of())))) {
      step.step(lab.images().batch(0, batch), lab.images().labels(0, batch));
      for (int b = 0; b < norms.length; b++) {
        norms[b] = Vectors.norm(step.tapGradient(entries.get(b)));
        rows.add(List.of(name, blocks.get(b).name(), norms[b], 0.0, norms[b]));
      }
    }
    return new State(name, norms, new double[0]);
  }

  /** What stands for a node where additions are gone: the end of the branch. */
  private static String without(Graph graph, Node node) {
    return node.op().part() == org.jresnet.graph.Op.Part.RESIDUAL
        ? without(graph, graph.nodes().get(node.inputs().get(0)))
        : node.name();
  }
}
