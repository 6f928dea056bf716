package org.jresnet.inspect.trace;

import org.jresnet.graph.Node;
import org.jresnet.graph.Shape;

/** The addition of the shortcut: {@code backend.reference.AddOp}. */
record AddFormula(RecordedStep step, Node node) implements Formula {
  private int index(int[] at) {
    Shape shape = step.shape(node);
    return shape.at(at[0], at[1], at[2], at[3]);
  }

  @Override
  public Terms forward(int[] at) {
    Terms terms = new Terms("y = x + residual", "AddOp.java", "y.set(i, x.get(i)");
    for (int i = 0; i < 2; i++) {
      Node from = step.input(node, i);
      terms.add(Formula.label(from.name(), at), step.output(from)[index(at)]);
    }
    return terms;
  }

  @Override
  public Terms backward(int input, int[] at) {
    return new Terms(
            "dx = dy   and   dresidual = dy: both get the whole gradient",
            "AddOp.java",
            "d.add(i, dy.get(i));")
        .add(Formula.label("dy", at), step.gradient(node)[index(at)]);
  }
}
