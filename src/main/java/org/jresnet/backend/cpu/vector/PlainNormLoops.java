package org.jresnet.backend.cpu.vector;

/** {@link NormLoops} as plain loops, for a JVM without the Vector API. */
public final class PlainNormLoops implements NormLoops {
  @Override
  public void addMoments(
      float[] sums, float[] squares, float[] x, float[] shifts, int from, int to) {
    for (int i = from; i < to; i++) {
      float d = x[i] - shifts[i];
      sums[i] += d;
      squares[i] += d * d;
    }
  }

  @Override
  public void normalise(
      float[] x, float[] y, float[] means, float[] scales, float[] shifts, int from, int to) {
    for (int i = from; i < to; i++) {
      y[i] = (x[i] - means[i]) * scales[i] + shifts[i];
    }
  }

  @Override
  public void add(float[] sums, float[] values, int from, int to) {
    for (int i = from; i < to; i++) {
      sums[i] += values[i];
    }
  }

  @Override
  public void rectify(float[] values, int from, int to) {
    for (int i = from; i < to; i++) {
      values[i] = Math.max(values[i], 0);
    }
  }

  @Override
  public void clip(float[] values, int from, int to) {
    for (int i = from; i < to; i++) {
      values[i] = Math.min(values[i], 6);
    }
  }

  @Override
  public void mask(float[] dy, float[] y, int from, int to) {
    for (int i = from; i < to; i++) {
      dy[i] = y[i] <= 0 ? 0 : dy[i];
    }
  }

  @Override
  public void maskClipped(float[] dy, float[] y, int from, int to) {
    for (int i = from; i < to; i++) {
      dy[i] = y[i] >= 6 ? 0 : dy[i];
    }
  }

  @Override
  public void addGradients(
      float[] sums, float[] products, float[] dy, float[] x, float[] means, int from, int to) {
    for (int i = from; i < to; i++) {
      sums[i] += dy[i];
      products[i] += dy[i] * (x[i] - means[i]);
    }
  }

  @Override
  public void gradient(
      float[] dy,
      float[] x,
      float[] means,
      float[] scales,
      float[] offsets,
      float[] slopes,
      int from,
      int to) {
    for (int i = from; i < to; i++) {
      dy[i] = scales[i] * (dy[i] - offsets[i] - (x[i] - means[i]) * slopes[i]);
    }
  }
}
