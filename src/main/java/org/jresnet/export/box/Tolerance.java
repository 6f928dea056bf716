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

  /** Another program fuses other layers, and so rounds at other places. */
  private static final double OTHER_INTEGER = 2e-1;

  /** Half precision keeps 11 bits of every output of a layer. */
  private static final double HALF = 2e-2;

  static Tolerance of(String runner, Precision precision, float[] logits) {
    double largest = 0;
    for (float logit : logits) {
      largest = Math.max(largest, Math.abs(logit));
    }
    boolean onnx = runner.equals(BoxFiles.ONNX);
    double share =
        precision == Precision.INT8 ? onnx ? OTHER_INTEGER : INTEGER : onnx ? HALF : SINGLE;
    String reason =
        precision == Precision.INT8
            ? "another program or CPU may round an int8 value to the neighbouring step"
            : onnx
                ? "half precision rounds the output of every layer to 11 bits"
                : "another CPU may add in another order";
    return new Tolerance(
        share * largest, Text.format("%s of the largest golden logit: %s", share, reason));
  }
}
