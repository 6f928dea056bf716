package org.jresnet.backend;

import java.util.Optional;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;

/**
 * An activation before it has memory.
 *
 * @param shape extents, NHWC
 * @param type element type
 * @param quant how integers stand for values; empty for floating point
 */
public record TensorSpec(Shape shape, DType type, Optional<QuantParams> quant) {
  /** Floating-point values. */
  public TensorSpec(Shape shape, DType type) {
    this(shape, type, Optional.empty());
  }

  /** Integers that stand for values. */
  public TensorSpec(Shape shape, QuantParams quant) {
    this(shape, quant.type(), Optional.of(quant));
  }
}
