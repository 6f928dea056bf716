package org.jresnet.inspect.trace;

import org.jresnet.graph.Node;
import org.jresnet.graph.Shape;

/** Mean over the image: {@code backend.reference.GlobalAvgPoolOp}. */
record GlobalAvgPoolFormula(RecordedStep step, Node node) implements Formula {
  private static final String FILE = "GlobalAvgPoolOp.java";

  @Override
  public Terms forward(int[] at) {
    Node from = step.input(node, 0);
    Shape in = step.shape(from);
    float[] x = step.output(from);
    Terms terms = new Terms("y[n,c] = Σ_{h,w} x[n,h,w,c] / (h·w)", FILE, "y.get(i) / area");
    double share = 1.0 / (in.h() * in.w());
    for (int h = 0; h < in.h(); h++) {
      for (int w = 0; w < in.w(); w++) {
        terms.add(
            Formula.label("x", at[0], h, w, at[3]) + "/(h·w)", x[in.at(at[0], h, w, at[3])], share);
      }
    }
    return terms;
  }

  @Override
  public Terms backward(int input, int[] at) {
    Shape in = step.shape(step.input(node, 0));
    Shape out = step.shape(node);
    return new Terms("dx[n,h,w,c] = dy[n,c] / (h·w)", FILE, "dy.get(output(i)) / area")
        .add(
            Formula.label("dy", at[0], 0, 0, at[3]) + "/(h·w)",
            step.gradient(node)[out.at(at[0], 0, 0, at[3])],
            1.0 / (in.h() * in.w()));
  }
}
