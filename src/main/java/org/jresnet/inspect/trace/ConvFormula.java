package org.jresnet.inspect.trace;

import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;

/** Convolution: {@code backend.reference.ConvOp} has the formulas. */
final class ConvFormula implements Formula {
  private static final String FILE = "ConvSums.java";

  private final RecordedStep step;
  private final Node node;
  private final Axis rows;
  private final Axis columns;
  private final Shape in;
  private final Shape out;

  /** Channels that one filter sees. */
  private final int c;

  /** Filters of one group. */
  private final int filters;

  private final Conv2d.Bias bias;

  ConvFormula(RecordedStep step, Node node, Conv2d conv) {
    this.step = step;
    this.node = node;
    rows = conv.rows();
    columns = conv.columns();
    in = step.shape(step.input(node, 0));
    out = step.shape(node);
    c = conv.c() / conv.groups();
    filters = conv.k() / conv.groups();
    bias = conv.bias();
  }

  private int weight(int i, int j, int r, int s) {
    return ((i * c + j) * rows.size() + r) * columns.size() + s;
  }

  private static boolean inside(int h, int extent) {
    return h >= 0 && h < extent;
  }

  @Override
  public Terms forward(int[] at) {
    Terms terms =
        new Terms(
            "y[n,p,q,i] = Σ_{r,s,j} x[n, p·u+r·e−o, q·v+s·f−m, γ·c+j] · w[i,j,r,s]"
                + (bias == Conv2d.Bias.NONE ? "" : " + b[i]"),
            FILE,
            "sum += x.get(from + j) * w[filter + j];");
    float[] x = step.output(step.input(node, 0));
    float[] w = step.parameter(node, "weight");
    int i = at[3];
    int first = i / filters * c;
    for (int r = 0; r < rows.size(); r++) {
      int h = rows.at(at[1], r);
      for (int s = 0; s < columns.size(); s++) {
        int v = columns.at(at[2], s);
        for (int j = 0; inside(h, in.h()) && inside(v, in.w()) && j < c; j++) {
          terms.add(
              Formula.label("x", at[0], h, v, first + j) + "·" + Formula.label("w", i, j, r, s),
              x[in.at(at[0], h, v, first + j)],
              w[weight(i, j, r, s)]);
        }
      }
    }
    if (bias == Conv2d.Bias.PER_CHANNEL) {
      terms.add(Formula.label("b", i), step.parameter(node, "bias")[i]);
    }
    return terms;
  }

  @Override
  public Terms backward(int input, int[] at) {
    Terms terms =
        new Terms(
            "dx[n,h,w,γ·c+j] = Σ_{i,r,s} dy[n,p,q,i] · w[i,j,r,s]   where p·u+r·e−o = h and q·v+s·f−m = w",
            FILE,
            "x.add(to + j, g * w[filter + j]);");
    float[] dy = step.gradient(node);
    float[] w = step.parameter(node, "weight");
    int group = at[3] / c;
    int j = at[3] % c;
    for (int r = 0; r < rows.size(); r++) {
      int p = position(rows, at[1], r, out.h());
      for (int s = 0; s < columns.size(); s++) {
        int q = position(columns, at[2], s, out.w());
        for (int i = group * filters; p >= 0 && q >= 0 && i < (group + 1) * filters; i++) {
          terms.add(
              Formula.label("dy", at[0], p, q, i) + "·" + Formula.label("w", i, j, r, s),
              dy[out.at(at[0], p, q, i)],
              w[weight(i, j, r, s)]);
        }
      }
    }
    return terms;
  }

  /** Where a window's tap r lies on pixel h; −1 if nowhere. */
  private static int position(Axis axis, int h, int r, int positions) {
    int offset = h + axis.padding() - r * axis.dilation();
    boolean meets = offset >= 0 && offset % axis.stride() == 0;
    return meets && offset / axis.stride() < positions ? offset / axis.stride() : -1;
  }

  @Override
  public Terms parameter(Parameter parameter, int[] at) {
    float[] dy = step.gradient(node);
    int i = at[0];
    if (parameter.role() == Parameter.Role.CONV_BIAS) {
      Terms terms =
          new Terms(
              "db[i] = Σ_{n,p,q} dy[n,p,q,i]", "ConvOp.java", "db.add(i % db.length, dy.get(i));");
      eachPlace((n, p, q) -> terms.add(Formula.label("dy", n, p, q, i), dy[out.at(n, p, q, i)]));
      return terms;
    }
    Terms terms =
        new Terms(
            "dw[i,j,r,s] = Σ_{n,p,q} dy[n,p,q,i] · x[n, p·u+r·e−o, q·v+s·f−m, γ·c+j]",
            FILE,
            "w[filter + j] += g * x.get(from + j);");
    float[] x = step.output(step.input(node, 0));
    int channel = i / filters * c + at[1];
    eachPlace(
        (n, p, q) -> {
          int h = rows.at(p, at[2]);
          int v = columns.at(q, at[3]);
          if (inside(h, in.h()) && inside(v, in.w())) {
            terms.add(
                Formula.label("dy", n, p, q, i) + "·" + Formula.label("x", n, h, v, channel),
                dy[out.at(n, p, q, i)],
                x[in.at(n, h, v, channel)]);
          }
        });
    return terms;
  }

  private interface Place {
    void at(int n, int p, int q);
  }

  private void eachPlace(Place place) {
    for (int n = 0; n < out.n(); n++) {
      for (int p = 0; p < out.h(); p++) {
        for (int q = 0; q < out.w(); q++) {
          place.at(n, p, q);
        }
      }
    }
  }
}
