package org.jresnet.backend;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jresnet.base.Named;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;

/**
 * Element types of a run. Master weights, statistics, loss and optimizer state are never below
 * single precision.
 */
public enum Precision implements Named {
  /** Everything in double precision; the reference backend only. */
  FP64(DType.F64, DType.F64),
  /** Everything in single precision, without reduced-precision shortcuts. */
  FP32(DType.F32, DType.F32),
  /** Single precision in memory; products of convolutions and matrices by TF32 tensor cores. */
  TF32(DType.TF32, DType.F32),
  /**
   * Activations and convolution weights in bfloat16 with single-precision accumulation; all else in
   * single precision.
   */
  BF16(DType.BF16, DType.F32),
  /**
   * Activations and convolution weights in half precision with single-precision accumulation; all
   * else in single precision. Gradients need a scaled loss ({@link Backend#loss}) so that small
   * ones do not vanish.
   */
  FP16(DType.F16, DType.F32),
  /**
   * Inference alone: activations and convolution weights as 8-bit integers with measured ranges
   * ({@link QuantParams}), sums in 32 bits; the classifier in single precision.
   */
  INT8(DType.U8, DType.F32);

  private final DType activation;
  private final DType parameter;

  Precision(DType activation, DType parameter) {
    this.activation = activation;
    this.parameter = parameter;
  }

  /** Type of activations and of their gradients. */
  public DType activation() {
    return activation;
  }

  /** Type of master weights, parameter gradients, statistics and optimizer state. */
  public DType parameter() {
    return parameter;
  }

  /**
   * The precision called {@code id}.
   *
   * @throws UserError listing the known names
   */
  public static Precision of(String id) {
    return Arrays.stream(values())
        .filter(p -> p.id().equals(id.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new UserError(
                    "unknown precision '"
                        + id
                        + "'; known precisions: auto, "
                        + Arrays.stream(values())
                            .map(Precision::id)
                            .collect(Collectors.joining(", "))));
  }
}
