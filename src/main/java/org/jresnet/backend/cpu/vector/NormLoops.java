package org.jresnet.backend.cpu.vector;

/**
 * The loops of a batch norm over a stretch of memory that was copied to arrays. What belongs to a
 * channel is repeated for each pixel of a stretch. Each loop goes over the values {@code from} to
 * {@code to - 1} of its arrays.
 */
public interface NormLoops {
  /**
   * {@code sums += x − shifts} and {@code squares += (x − shifts)²}. Shifts near the mean keep the
   * digits that the difference of two large sums would lose.
   */
  void addMoments(float[] sums, float[] squares, float[] x, float[] shifts, int from, int to);

  /** {@code y = (x − means)·scales + shifts}; the same bits in every call. */
  void normalise(
      float[] x, float[] y, float[] means, float[] scales, float[] shifts, int from, int to);

  /** {@code sums += values}. */
  void add(float[] sums, float[] values, int from, int to);

  /** {@code max(values, 0)} in place. */
  void rectify(float[] values, int from, int to);

  /** {@code min(values, 6)} in place. */
  void clip(float[] values, int from, int to);

  /** Sets dy to 0 where {@code y > 0} does not hold, y being a ReLU's input or output. */
  void mask(float[] dy, float[] y, int from, int to);

  /** Sets dy to 0 where {@code y < 6} does not hold. */
  void maskClipped(float[] dy, float[] y, int from, int to);

  /** {@code sums += dy} and {@code products += dy·(x − means)}. */
  void addGradients(
      float[] sums, float[] products, float[] dy, float[] x, float[] means, int from, int to);

  /** {@code dy = scales·(dy − offsets − (x − means)·slopes)} in place. */
  void gradient(
      float[] dy,
      float[] x,
      float[] means,
      float[] scales,
      float[] offsets,
      float[] slopes,
      int from,
      int to);
}
