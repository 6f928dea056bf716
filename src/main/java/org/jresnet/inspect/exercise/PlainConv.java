package org.jresnet.inspect.exercise;

import org.jresnet.graph.Shape;

/**
 * A 3x3 convolution with padding 1 in plain loops, in the order of the formula: what the exercise
 * {@code fast} starts from. Images are NHWC, filters {@code kcrs}.
 */
final class PlainConv {
  private PlainConv() {}

  static void forward(float[] x, float[] w, float[] y, Shape s, int filters) {
    for (int n = 0; n < s.n(); n++) {
      for (int p = 0; p < s.h(); p++) {
        for (int q = 0; q < s.w(); q++) {
          for (int k = 0; k < filters; k++) {
            y[((n * s.h() + p) * s.w() + q) * filters + k] = sum(x, w, s, n, p, q, k);
          }
        }
      }
    }
  }

  private static float sum(float[] x, float[] w, Shape s, int n, int p, int q, int k) {
    float sum = 0;
    for (int c = 0; c < s.c(); c++) {
      for (int r = 0; r < 3; r++) {
        for (int t = 0; t < 3; t++) {
          int i = p + r - 1;
          int j = q + t - 1;
          if (i >= 0 && i < s.h() && j >= 0 && j < s.w()) {
            sum +=
                x[((n * s.h() + i) * s.w() + j) * s.c() + c] * w[((k * s.c() + c) * 3 + r) * 3 + t];
          }
        }
      }
    }
    return sum;
  }
}
