package org.jresnet.data;

/** Images of one step; they stay as they are until the next but one batch is asked for. */
public final class Batch {
  /** Label of an image that could not be decoded and that nothing stands in for. */
  public static final int BAD = -1;

  private final byte[] pixels;
  private final int[] labels;
  private final int[] samples;
  private int count;

  Batch(int batch, int size) {
    pixels =
        new byte[Math.multiplyExact(batch, Math.multiplyExact(Math.multiplyExact(size, size), 3))];
    labels = new int[batch];
    samples = new int[batch];
  }

  /** Unsigned bytes, NHWC; only the first {@link #count()} images mean something. */
  public byte[] pixels() {
    return pixels;
  }

  /** Class indices, {@link #BAD} for a bad image in sequential order. */
  public int[] labels() {
    return labels;
  }

  /** Index of each image in the loader's list of samples. */
  public int[] samples() {
    return samples;
  }

  /** Images in this batch. */
  public int count() {
    return count;
  }

  void count(int images) {
    count = images;
  }
}
