package org.jresnet.backend.cpu;

/** The loops of {@link HostNormPlan}, which the compiler vectorises. */
final class NormLoops {
  private NormLoops() {}

  static void add(float[] sum, float[] values, int count) {
    for (int i = 0; i < count; i++) {
      sum[i] += values[i];
    }
  }

  static void addSquared(float[] sum, float[] values, float[] means, int count) {
    for (int i = 0; i < count; i++) {
      float d = values[i] - means[i];
      sum[i] += d * d;
    }
  }

  static void addCentred(float[] sum, float[] dy, float[] values, float[] means, int count) {
    for (int i = 0; i < count; i++) {
      sum[i] += dy[i] * (values[i] - means[i]);
    }
  }

  static void affine(float[] values, float[] means, float[] scales, float[] shifts, int count) {
    for (int i = 0; i < count; i++) {
      values[i] = (values[i] - means[i]) * scales[i] + shifts[i];
    }
  }

  static void rectify(float[] values, int count) {
    for (int i = 0; i < count; i++) {
      values[i] = Math.max(values[i], 0);
    }
  }

  static void clip(float[] values, int count) {
    for (int i = 0; i < count; i++) {
      values[i] = Math.min(values[i], 6);
    }
  }

  /**
   * {@code dy} where {@code y > 0}, else 0. Without a comparison, which the compiler would not
   * vectorise: the product is beyond all bounds, and its minimum 1, for any y above 0.
   */
  static void mask(float[] dy, float[] y, int count) {
    for (int i = 0; i < count; i++) {
      dy[i] *= Math.min(y[i] * 0x1p127f * 0x1p127f, 1);
    }
  }

  /** {@code dy} where {@code y < 6}, else 0, for y that do not exceed 6. */
  static void maskClipped(float[] dy, float[] y, int count) {
    for (int i = 0; i < count; i++) {
      dy[i] *= Math.min((6 - y[i]) * 0x1p127f * 0x1p127f, 1);
    }
  }
}
