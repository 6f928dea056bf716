package org.jresnet.inspect.trace;

import org.jresnet.graph.Activation;
import org.jresnet.graph.Node;
import org.jresnet.graph.Shape;

/** ReLU and its kin: {@code backend.reference.ActivationOp} has the formulas. */
final class ReluFormula implements Formula {
  private static final String FILE = "ActivationOp.java";

  private final RecordedStep step;
  private final Node node;
  private final Activation activation;

  ReluFormula(RecordedStep step, Node node, Activation activation) {
    this.step = step;
    this.node = node;
    this.activation = activation;
  }

  static boolean knows(Activation activation) {
    return switch (activation.function()) {
      case RELU, RELU6, LEAKY_RELU -> true;
      case SIGMOID, SILU, HARD_SWISH, HARD_SIGMOID -> false;
    };
  }

  private int index(int[] at) {
    Shape shape = step.shape(node);
    return shape.at(at[0], at[1], at[2], at[3]);
  }

  @Override
  public Terms forward(int[] at) {
    double x = step.output(step.input(node, 0))[index(at)];
    Terms terms =
        switch (activation.function()) {
          case RELU6 ->
              new Terms("y = min(max(x, 0), 6)", FILE, "case RELU6 -> relu6(x);")
                  .result(Math.min(Math.max(x, 0), 6));
          case LEAKY_RELU ->
              new Terms(
                      "y = x where x ≥ 0, else slope·x",
                      FILE,
                      "case LEAKY_RELU -> x >= 0 ? x : f.slope() * x;")
                  .note("slope", activation.slope())
                  .result(x >= 0 ? x : activation.slope() * x);
          default ->
              new Terms("y = max(x, 0)", FILE, "case RELU -> Math.max(x, 0);")
                  .result(Math.max(x, 0));
        };
    return terms.note(Formula.label("x", at), x);
  }

  @Override
  public Terms backward(int input, int[] at) {
    double y = step.output(node)[index(at)];
    double slope =
        switch (activation.function()) {
          case RELU6 -> y <= 0 || y >= 6 ? 0 : 1;
          case LEAKY_RELU -> y > 0 ? 1 : activation.slope();
          default -> y <= 0 ? 0 : 1;
        };
    return new Terms("dx = f′·dy   with f′ = 1 where y > 0", FILE, "dx.add(i, slope == 0")
        .note(Formula.label("y", at), y)
        .add(Formula.label("dy", at) + "·f′", step.gradient(node)[index(at)], slope);
  }
}
