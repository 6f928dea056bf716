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
 * @param summed whether who makes it also sums it and its squares per channel, for a batch norm
 */
public record TensorSpec(Shape shape, DType type, Optional<QuantParams> quant, boolean summed) {
  /** Floating-point values. */
  public TensorSpec(Shape shape, DType type) {
    this(shape, type, Optional.empty(), false);
  }

  /** Integers that stand for values. */
  public TensorSpec(Shape shape, QuantParams quant) {
    this(shape, quant.type(), Optional.of(quant), false);
  }

  /** The same with its sums. */
  public TensorSpec withSums() {
    return new TensorSpec(shape, type, quant, true);
  }
}
