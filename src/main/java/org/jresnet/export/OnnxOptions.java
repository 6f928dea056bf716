package org.jresnet.export;

import java.util.OptionalInt;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;

/**
 * What an ONNX file holds. Start from {@link #DEFAULT} and change what is different.
 *
 * @param opset version of ONNX's operators, 13 to 21
 * @param norms what becomes of batch norms
 * @param precision FP32, FP16 (weights and activations; inputs and outputs stay in single
 *     precision) or INT8 (quantise-dequantise pairs with the ranges that {@code jresnet quantize}
 *     measured)
 * @param input what the graph takes
 * @param output what it gives
 * @param batch images per run; empty for any number
 * @param reduceRange whether int8 filters keep to 7 bits, so that sums of two products fit into 16
 *     bits: for CPUs without VNNI, where runtimes add them so. Costs half of the filters' steps
 */
public record OnnxOptions(
    int opset,
    Norms norms,
    Precision precision,
    Input input,
    Output output,
    OptionalInt batch,
    boolean reduceRange) {
  /** What OpenVINO 2022.3 reads. */
  public static final int OLDEST_OPSET = 13;

  /** The newest whose files are tested. */
  public static final int NEWEST_OPSET = 21;

  /** Opset 13, fp32, norms folded, normalised images in, logits out, any batch. */
  public static final OnnxOptions DEFAULT =
      new OnnxOptions(
          OLDEST_OPSET,
          Norms.FOLDED,
          Precision.FP32,
          Input.NORMALIZED,
          Output.LOGITS,
          OptionalInt.empty(),
          false);

  /** What becomes of batch norms. */
  public enum Norms {
    /** Part of the convolution before them. */
    FOLDED,
    /** Nodes of their own, with the trained values. */
    KEPT
  }

  /** What the graph takes. */
  public enum Input {
    /** {@code input}: float {@code [N, 3, size, size]}, resized and normalised by the caller. */
    NORMALIZED,
    /** {@code pixels}: uint8 {@code [N, size, size, 3]}, RGB, resized by the caller. */
    PIXELS
  }

  /** What the graph gives. */
  public enum Output {
    /** {@code logits}: float {@code [N, classes]}. */
    LOGITS,
    /**
     * Also {@code probabilities}: float {@code [N, classes]}, softmax of the logits divided by the
     * model's temperature.
     */
    PROBABILITIES
  }

  /**
   * Checks what does not go together.
   *
   * @throws UserError saying what to change
   */
  public OnnxOptions {
    if (opset < OLDEST_OPSET || opset > NEWEST_OPSET) {
      throw new UserError(
          "ONNX files are written with opset %d to %d, found %d"
              .formatted(OLDEST_OPSET, NEWEST_OPSET, opset));
    }
    if (precision != Precision.FP32 && precision != Precision.FP16 && precision != Precision.INT8) {
      throw new UserError("ONNX files are written in fp32, fp16 or int8, found " + precision.id());
    }
    if (norms == Norms.KEPT && precision != Precision.FP32) {
      throw new UserError(
          "batch norms are kept in fp32 alone, because their variances do not fit into "
              + precision.id());
    }
    if (reduceRange && precision != Precision.INT8) {
      throw new UserError("a reduced range is for int8, not " + precision.id());
    }
    if (batch.isPresent() && batch.getAsInt() < 1) {
      throw new UserError("a batch has at least 1 image, found " + batch.getAsInt());
    }
  }

  /** The same with another opset. */
  public OnnxOptions withOpset(int other) {
    return new OnnxOptions(other, norms, precision, input, output, batch, reduceRange);
  }

  /** The same with batch norms treated otherwise. */
  public OnnxOptions withNorms(Norms other) {
    return new OnnxOptions(opset, other, precision, input, output, batch, reduceRange);
  }

  /** The same in another precision. */
  public OnnxOptions withPrecision(Precision other) {
    return new OnnxOptions(opset, norms, other, input, output, batch, reduceRange);
  }

  /** The same with another input. */
  public OnnxOptions withInput(Input other) {
    return new OnnxOptions(opset, norms, precision, other, output, batch, reduceRange);
  }

  /** The same with another output. */
  public OnnxOptions withOutput(Output other) {
    return new OnnxOptions(opset, norms, precision, input, other, batch, reduceRange);
  }

  /** The same for so many images per run. */
  public OnnxOptions withBatch(int images) {
    return new OnnxOptions(
        opset, norms, precision, input, output, OptionalInt.of(images), reduceRange);
  }

  /** The same in int8 with filters of 7 bits. */
  public OnnxOptions withReducedRange() {
    return new OnnxOptions(opset, norms, Precision.INT8, input, output, batch, true);
  }
}
