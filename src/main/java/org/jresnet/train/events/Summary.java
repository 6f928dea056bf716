package org.jresnet.train.events;

import java.nio.ByteBuffer;
import org.jresnet.base.ProtoMessage;

/** What is seen at one step, under tags; a slash in a tag groups it in TensorBoard. */
public final class Summary {
  private static final int BUCKETS = 40;
  private static final int VALUE = 1;
  private static final int TAG = 1;
  private static final int SCALAR = 2;
  private static final int IMAGE = 4;
  private static final int HISTOGRAM = 5;
  private static final int RGB = 3;

  private final ProtoMessage message = new ProtoMessage();

  /** Adds a number. */
  public Summary scalar(String tag, double value) {
    message.message(VALUE, new ProtoMessage().text(TAG, tag).real(SCALAR, (float) value));
    return this;
  }

  /**
   * Adds an image.
   *
   * @param png its file
   */
  public Summary image(String tag, int height, int width, byte[] png) {
    ProtoMessage image =
        new ProtoMessage()
            .number(1, height)
            .number(2, width)
            .number(3, RGB)
            .bytes(4, ByteBuffer.wrap(png));
    message.message(VALUE, new ProtoMessage().text(TAG, tag).message(IMAGE, image));
    return this;
  }

  /**
   * Adds how values are distributed, in buckets of equal width between the smallest and the
   * largest; nothing where a value is not finite, or there is none.
   */
  public Summary histogram(String tag, float[] values) {
    double min = Double.POSITIVE_INFINITY;
    double max = Double.NEGATIVE_INFINITY;
    double sum = 0;
    double squares = 0;
    for (float v : values) {
      min = Math.min(min, v);
      max = Math.max(max, v);
      sum += v;
      squares += (double) v * v;
    }
    if (!Double.isFinite(sum) || values.length == 0) {
      return this;
    }
    double width = max > min ? (max - min) / BUCKETS : Math.ulp(max);
    double[] limits = new double[BUCKETS];
    double[] counts = new double[BUCKETS];
    for (int b = 0; b < BUCKETS; b++) {
      limits[b] = min + width * (b + 1);
    }
    limits[BUCKETS - 1] = Math.max(limits[BUCKETS - 1], max);
    for (float v : values) {
      counts[(int) Math.min(BUCKETS - 1, (v - min) / width)]++;
    }
    ProtoMessage histogram =
        new ProtoMessage()
            .real64(1, min)
            .real64(2, max)
            .real64(3, values.length)
            .real64(4, sum)
            .real64(5, squares)
            .reals64(6, limits)
            .reals64(7, counts);
    message.message(VALUE, new ProtoMessage().text(TAG, tag).message(HISTOGRAM, histogram));
    return this;
  }

  ProtoMessage message() {
    return message;
  }
}
