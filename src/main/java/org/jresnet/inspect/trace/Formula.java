package org.jresnet.inspect.trace;

import java.util.Optional;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Parameter;

/** What an op computes, for one number at a time. Elements are {@code n, h, w, c}. */
interface Formula {
  /** An element of the output. */
  Terms forward(int[] at);

  /**
   * What this node adds to the gradient by one of its inputs.
   *
   * @param input which one
   * @param at element of the input
   */
  Terms backward(int input, int[] at);

  /**
   * An element of the gradient by a parameter.
   *
   * @param at in torch's order
   */
  default Terms parameter(Parameter parameter, int[] at) {
    throw new IllegalArgumentException(parameter.name() + " has no gradient");
  }

  /** The formula of a node; empty for ops that have none here. */
  static Optional<Formula> of(RecordedStep step, Node node) {
    Op op = node.op();
    if (op instanceof Op.Input) {
      return Optional.of(new InputFormula(step));
    } else if (op instanceof Conv2d conv) {
      return Optional.of(new ConvFormula(step, node, conv));
    } else if (op instanceof Op.BatchNorm norm) {
      return Optional.of(new NormFormula(step, node, norm));
    } else if (op instanceof Activation activation && ReluFormula.knows(activation)) {
      return Optional.of(new ReluFormula(step, node, activation));
    } else if (op instanceof Op.Add) {
      return Optional.of(new AddFormula(step, node));
    } else if (op instanceof Op.MaxPool pool) {
      return Optional.of(new MaxPoolFormula(step, node, pool));
    } else if (op instanceof Op.GlobalAvgPool) {
      return Optional.of(new GlobalAvgPoolFormula(step, node));
    } else if (op instanceof Op.Linear linear) {
      return Optional.of(new LinearFormula(step, node, linear));
    }
    return Optional.empty();
  }

  /** {@code x[0,3,4,2]}. */
  static String label(String name, int... at) {
    StringBuilder text = new StringBuilder(name).append('[');
    for (int i = 0; i < at.length; i++) {
      text.append(i == 0 ? "" : ",").append(at[i]);
    }
    return text.append(']').toString();
  }
}
