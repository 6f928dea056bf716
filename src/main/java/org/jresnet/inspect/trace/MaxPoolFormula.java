package org.jresnet.inspect.trace;

import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;

/** Maximum over a window: {@code backend.reference.MaxPoolOp}. */
record MaxPoolFormula(RecordedStep step, Node node, Op.MaxPool pool) implements Formula {
  private static final String FILE = "MaxPoolOp.java";

  private Shape in() {
    return step.shape(step.input(node, 0));
  }

  private int pixel(int position, int tap) {
    return position * pool.stride() + tap - pool.padding();
  }

  private static boolean inside(int h, int extent) {
    return h >= 0 && h < extent;
  }

  @Override
  public Terms forward(int[] at) {
    Shape in = in();
    float[] x = step.output(step.input(node, 0));
    Terms terms =
        new Terms(
            "y[n,p,q,c] = max_{r,s} x[n, p·u+r−o, q·u+s−o, c]", FILE, "y.set(i, x.get(winner));");
    for (int r = 0; r < pool.kernel(); r++) {
      for (int s = 0; s < pool.kernel(); s++) {
        int h = pixel(at[1], r);
        int w = pixel(at[2], s);
        if (inside(h, in.h()) && inside(w, in.w())) {
          terms.compare(Formula.label("x", at[0], h, w, at[3]), x[in.at(at[0], h, w, at[3])]);
        }
      }
    }
    return terms;
  }

  /** Row and column of the first largest value of a window. */
  private int[] winner(float[] x, int n, int p, int q, int c) {
    Shape in = in();
    int[] best = null;
    for (int r = 0; r < pool.kernel(); r++) {
      for (int s = 0; s < pool.kernel(); s++) {
        int h = pixel(p, r);
        int w = pixel(q, s);
        if (inside(h, in.h())
            && inside(w, in.w())
            && (best == null || x[in.at(n, h, w, c)] > x[in.at(n, best[0], best[1], c)])) {
          best = new int[] {h, w};
        }
      }
    }
    return best;
  }

  @Override
  public Terms backward(int input, int[] at) {
    Shape out = step.shape(node);
    float[] x = step.output(step.input(node, 0));
    float[] dy = step.gradient(node);
    Terms terms =
        new Terms(
            "dx[n,h,w,c] = Σ dy[n,p,q,c]   over the windows that this pixel won",
            FILE,
            "dx.add((int) winners.get(i), dy.get(i));");
    for (int p = 0; p < out.h(); p++) {
      for (int q = 0; q < out.w(); q++) {
        boolean meets =
            at[1] >= pixel(p, 0)
                && at[1] < pixel(p, pool.kernel())
                && at[2] >= pixel(q, 0)
                && at[2] < pixel(q, pool.kernel());
        if (meets) {
          int[] best = winner(x, at[0], p, q, at[3]);
          boolean won = best[0] == at[1] && best[1] == at[2];
          terms.add(
              Formula.label("dy", at[0], p, q, at[3]) + (won ? ", won" : ", lost"),
              dy[out.at(at[0], p, q, at[3])],
              won ? 1 : 0);
        }
      }
    }
    return terms;
  }
}
