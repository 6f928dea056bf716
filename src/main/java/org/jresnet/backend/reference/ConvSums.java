package org.jresnet.backend.reference;

import java.util.stream.IntStream;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Shape;

/**
 * The products {@code x[n,h,w,γ·c+j] · w[i,j,r,s] · y[n,p,q,i]} of a convolution from x to y with
 * {@code h = p·u+r·e−o}, {@code w = q·v+s·f−m}, c channels a group and γ the group of filter i. Its
 * three sums, over one of the three factors each, are one loop over (output position, filter
 * position). Filters are turned to {@code krsc} first, so that every inner loop runs over
 * consecutive channels.
 */
final class ConvSums {
  private final Conv2d conv;
  private final Shape in;
  private final Shape out;
  private final int k;

  /** Channels that one filter sees. */
  private final int c;

  /** Filters of one group. */
  private final int filters;

  /** Places in a filter, r·s. */
  private final int taps;

  ConvSums(Conv2d conv, Shape in, Shape out) {
    this.conv = conv;
    this.in = in;
    this.out = out;
    k = conv.k();
    c = conv.c() / conv.groups();
    filters = k / conv.groups();
    taps = conv.taps();
  }

  /** What happens at one filter position: y[n,p,q,·] sees x[n,h,w,·] through w[·,·,r,s]. */
  private interface Visit {
    void at(int y, int x, int rs);
  }

  /** Visits every filter position of every output position of image n, leaving out the padding. */
  private void windows(int n, Visit visit) {
    for (int p = 0; p < out.h(); p++) {
      for (int q = 0; q < out.w(); q++) {
        int y = ((n * out.h() + p) * out.w() + q) * k;
        for (int r = 0; r < conv.rows().size(); r++) {
          int h = conv.rows().at(p, r);
          for (int s = 0; s < conv.columns().size(); s++) {
            int w = conv.columns().at(q, s);
            if (h >= 0 && h < in.h() && w >= 0 && w < in.w()) {
              int x = ((n * in.h() + h) * in.w() + w) * conv.c();
              visit.at(y, x, r * conv.columns().size() + s);
            }
          }
        }
      }
    }
  }

  /** First channel of the group that filter i belongs to. */
  private int group(int i) {
    return i / filters * c;
  }

  /** Index of w[i,r,s,0] in krsc order. */
  private int filter(int i, int rs) {
    return (i * taps + rs) * c;
  }

  /** The weights in krsc order. */
  private double[] krsc(View w) {
    double[] turned = new double[w.length];
    for (int i = 0; i < turned.length; i++) {
      turned[i] = w.get(kcrs(i));
    }
    return turned;
  }

  /** The index in kcrs order of element i in krsc order. */
  private int kcrs(int i) {
    return (i / c / taps * c + i % c) * taps + i / c % taps;
  }

  /** Images are independent of each other, so they run side by side. */
  private IntStream images() {
    return IntStream.range(0, out.n()).parallel();
  }

  /** {@code y += Σ x·w} */
  void addToY(View x, View weight, View y) {
    double[] w = krsc(weight);
    images()
        .forEach(
            n ->
                windows(
                    n,
                    (toY, fromX, rs) -> {
                      for (int i = 0; i < k; i++) {
                        int fromW = filter(i, rs);
                        int from = fromX + group(i);
                        double sum = 0;
                        for (int j = 0; j < c; j++) {
                          sum += x.get(from + j) * w[fromW + j];
                        }
                        y.add(toY + i, sum);
                      }
                    }));
  }

  /** {@code x += Σ y·w} */
  void addToX(View y, View weight, View x) {
    double[] w = krsc(weight);
    images()
        .forEach(
            n ->
                windows(
                    n,
                    (fromY, toX, rs) -> {
                      for (int i = 0; i < k; i++) {
                        int fromW = filter(i, rs);
                        int to = toX + group(i);
                        double g = y.get(fromY + i);
                        for (int j = 0; j < c; j++) {
                          x.add(to + j, g * w[fromW + j]);
                        }
                      }
                    }));
  }

  /** {@code weight += Σ x·y} */
  void addToWeight(View x, View y, View weight) {
    double[] sums = new double[weight.length];
    // Two halves of the output channels side by side: each filter is summed by one thread alone, in
    // the order of images, so the result does not depend on the number of threads.
    IntStream.range(0, 2)
        .parallel()
        .forEach(
            half -> {
              for (int n = 0; n < out.n(); n++) {
                windows(
                    n,
                    (fromY, fromX, rs) -> {
                      for (int i = half * k / 2; i < (half + 1) * k / 2; i++) {
                        int toW = filter(i, rs);
                        int from = fromX + group(i);
                        double g = y.get(fromY + i);
                        for (int j = 0; j < c; j++) {
                          sums[toW + j] += g * x.get(from + j);
                        }
                      }
                    });
              }
            });
    for (int i = 0; i < sums.length; i++) {
      weight.add(kcrs(i), sums[i]);
    }
  }
}
