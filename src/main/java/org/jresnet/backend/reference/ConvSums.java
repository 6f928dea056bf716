package org.jresnet.backend.reference;

import java.util.stream.IntStream;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Shape;

/**
 * The products {@code x[n,h,w,γ·c+j] · weight[i,r,s,j] · y[n,p,q,i]} of a convolution from x to y
 * with {@code h = p·u+r·e−o}, {@code w = q·v+s·f−m}, c channels a group and γ the group of filter
 * i; and their sums over each of the three factors. Filters are turned from {@code kcrs} to {@code
 * krsc} first, so that the innermost loop runs over neighbours.
 */
final class ConvSums {
  private final Shape in;
  private final Shape out;
  private final Axis rows;
  private final Axis columns;

  /** Channels that one filter sees. */
  private final int c;

  /** Filters of one group. */
  private final int filters;

  ConvSums(Conv2d conv, Shape in, Shape out) {
    this.in = in;
    this.out = out;
    rows = conv.rows();
    columns = conv.columns();
    c = conv.c() / conv.groups();
    filters = conv.k() / conv.groups();
  }

  private static boolean outside(int h, int extent) {
    return h < 0 || h >= extent;
  }

  /** Index of x[n,h,w,j]. */
  private int x(int n, int h, int w, int j) {
    return ((n * in.h() + h) * in.w() + w) * in.c() + j;
  }

  /** Index of y[n,p,q,i]. */
  private int y(int n, int p, int q, int i) {
    return ((n * out.h() + p) * out.w() + q) * out.c() + i;
  }

  /** Index of weight[i,r,s,j] in {@code krsc}. */
  private int weight(int i, int r, int s, int j) {
    return ((i * rows.size() + r) * columns.size() + s) * c + j;
  }

  /** {@code y += Σ_{r,s,j} x·weight} */
  void addToY(View x, View weight, View y) {
    double[] w = krsc(weight);
    images()
        .forEach(
            n -> {
              for (int p = 0; p < out.h(); p++) {
                for (int r = 0; r < rows.size(); r++) {
                  int h = rows.at(p, r);
                  if (outside(h, in.h())) {
                    continue;
                  }
                  for (int q = 0; q < out.w(); q++) {
                    for (int s = 0; s < columns.size(); s++) {
                      int v = columns.at(q, s);
                      if (outside(v, in.w())) {
                        continue;
                      }
                      for (int i = 0; i < out.c(); i++) {
                        int from = x(n, h, v, i / filters * c);
                        int filter = weight(i, r, s, 0);
                        double sum = 0;
                        for (int j = 0; j < c; j++) {
                          sum += x.get(from + j) * w[filter + j];
                        }
                        y.add(y(n, p, q, i), sum);
                      }
                    }
                  }
                }
              }
            });
  }

  /** {@code x += Σ_{i,r,s} y·weight} */
  void addToX(View y, View weight, View x) {
    double[] w = krsc(weight);
    images()
        .forEach(
            n -> {
              for (int p = 0; p < out.h(); p++) {
                for (int r = 0; r < rows.size(); r++) {
                  int h = rows.at(p, r);
                  if (outside(h, in.h())) {
                    continue;
                  }
                  for (int q = 0; q < out.w(); q++) {
                    for (int s = 0; s < columns.size(); s++) {
                      int v = columns.at(q, s);
                      if (outside(v, in.w())) {
                        continue;
                      }
                      for (int i = 0; i < out.c(); i++) {
                        int to = x(n, h, v, i / filters * c);
                        int filter = weight(i, r, s, 0);
                        double g = y.get(y(n, p, q, i));
                        for (int j = 0; j < c; j++) {
                          x.add(to + j, g * w[filter + j]);
                        }
                      }
                    }
                  }
                }
              }
            });
  }

  /**
   * {@code weight += Σ_{n,p,q} x·y}. Each filter row is summed by one thread alone, in the order of
   * images, so the result does not depend on the number of threads.
   */
  void addToWeight(View x, View y, View weight) {
    double[] w = new double[weight.length];
    IntStream.range(0, rows.size() * 2)
        .parallel()
        .forEach(
            part -> {
              int r = part / 2;
              int first = part % 2 * out.c() / 2;
              int end = (part % 2 + 1) * out.c() / 2;
              for (int n = 0; n < out.n(); n++) {
                for (int p = 0; p < out.h(); p++) {
                  int h = rows.at(p, r);
                  if (outside(h, in.h())) {
                    continue;
                  }
                  for (int q = 0; q < out.w(); q++) {
                    for (int s = 0; s < columns.size(); s++) {
                      int v = columns.at(q, s);
                      if (outside(v, in.w())) {
                        continue;
                      }
                      for (int i = first; i < end; i++) {
                        int from = x(n, h, v, i / filters * c);
                        int filter = weight(i, r, s, 0);
                        double g = y.get(y(n, p, q, i));
                        for (int j = 0; j < c; j++) {
                          w[filter + j] += g * x.get(from + j);
                        }
                      }
                    }
                  }
                }
              }
            });
    for (int at = 0; at < w.length; at++) {
      weight.add(kcrs(at), w[at]);
    }
  }

  /** Images are independent of each other, so they run side by side. */
  private IntStream images() {
    return IntStream.range(0, out.n()).parallel();
  }

  /** The weights in {@code krsc}. */
  private double[] krsc(View kcrs) {
    double[] krsc = new double[kcrs.length];
    for (int at = 0; at < krsc.length; at++) {
      krsc[at] = kcrs.get(kcrs(at));
    }
    return krsc;
  }

  /** The index in {@code kcrs} of what lies at {@code at} in {@code krsc}. */
  private int kcrs(int at) {
    int taps = rows.size() * columns.size();
    return (at / c / taps * c + at % c) * taps + at / c % taps;
  }
}
