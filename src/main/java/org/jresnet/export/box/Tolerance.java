package org.jresnet.export.box;

import org.jresnet.backend.Precision;
import org.jresnet.base.Text;

/**
 * How far logits may lie from the golden ones.
 *
 * @param value largest difference of a logit
 * @param reason for it
 */
record Tolerance(double value, String reason) {
  /** Sums in another order round differently, by some 1e-6 of the largest logit per layer. */
  private static final double SINGLE = 1e-3;

  /**
   * Sums of int8 products are exact; the scaling after them may round to the neighbouring one of
   * 127 steps, and what differs by a step goes through the layers that follow.
   */
  private static final double INTEGER = 5e-2;

  static Tolerance of(Precision precision, float[] logits) {
    double largest = 0;
    for (float logit : logits) {
      largest = Math.max(largest, Math.abs(logit));
    }
    double share = precision == Precision.INT8 ? INTEGER : SINGLE;
    return new Tolerance(
        share * largest,
        Text.format(
            "%s of the largest golden logit: %s",
            share,
            precision == Precision.INT8
                ? "another CPU may round an int8 value to the neighbouring step"
                : "another CPU may add in another order"));
  }
}
