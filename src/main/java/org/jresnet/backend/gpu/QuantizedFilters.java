package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.PREPARE;

import org.jresnet.backend.LibraryPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.Kernel.Grid;

/**
 * The filters of a convolution on bytes as they are packed: weights, a factor per filter, biases.
 */
final class QuantizedFilters {
  private final OpSpec spec;
  private final Conv2d conv;
  private final Layout layout;

  /**
   * How filters lie in memory.
   *
   * @param channels of a filter; those beyond its own are 0
   * @param together channels of one filter that lie side by side before those of the next; 0 where
   *     filters lie one behind the other
   * @param padding what the byte that stands outside of the image is short of, which biases make up
   *     for
   * @param biases one per filter, or one per place and filter where padding makes them differ
   */
  record Layout(int channels, int together, int padding, Shape biases) {}

  QuantizedFilters(OpSpec spec, Layout layout) {
    this.spec = spec;
    this.layout = layout;
    conv = (Conv2d) spec.op();
  }

  private static long align(long bytes) {
    return LibraryPlan.align(bytes, GpuPlan.ALIGNMENT);
  }

  private long weightBytes() {
    return (long) conv.k() * layout.channels * conv.taps();
  }

  private long factorsAt() {
    return align(weightBytes());
  }

  private long biasAt() {
    return factorsAt() + offsetBytes();
  }

  /** Of all three. */
  long packedBytes() {
    return biasAt() + layout.biases.elements() * Float.BYTES;
  }

  /** That a convolution reads. */
  long readBytes() {
    return weightBytes() + (conv.k() + layout.biases.elements()) * Float.BYTES;
  }

  /** Of what preparing needs besides. */
  long offsetBytes() {
    return align((long) conv.k() * Float.BYTES);
  }

  Place factors(GpuBinding op) {
    return op.at(Slot.PACKED, factorsAt());
  }

  Place bias(GpuBinding op) {
    return op.at(Slot.PACKED, biasAt());
  }

  /** Adds the calls that make them; {@code offsets} is memory that nothing else uses meanwhile. */
  void prepare(GpuBinding op, Operands operands, QuantizedTail tail, Place offsets) {
    Place weights = op.at(Slot.PACKED);
    op.kernel(
        PREPARE,
        "foldBytes",
        new Grid(conv.k(), Gpu.THREADS, 0),
        5 * weightBytes(),
        op.foldedParameters(operands)
            .add(((Op.BatchNorm) spec.part(Op.Part.NORM).orElseThrow()).eps())
            .add(QuantizedTail.scale(spec.inputs().get(0)).scale())
            .add(tail.unit())
            .add(weights.address())
            .add(factors(op).address())
            .add(offsets.address())
            .add(conv.k())
            .add(conv.c() / conv.groups())
            .add(layout.channels)
            .add(conv.taps())
            .add(layout.together));
    Arguments arguments =
        new Arguments()
            .add(weights.address())
            .add(factors(op).address())
            .add(offsets.address())
            .add(bias(op).address())
            .add(layout.padding)
            .add(tail.shift())
            .add(conv.k())
            .add(layout.channels)
            .add(layout.biases.h())
            .add(layout.biases.w())
            .add(spec.x().h())
            .add(spec.x().w());
    op.kernel(
        PREPARE,
        "biasBytes",
        layout.biases.elements(),
        layout.biases.elements() * Float.BYTES,
        geometry(arguments));
  }

  /** Adds extents of the window and how it moves. */
  Arguments geometry(Arguments arguments) {
    return arguments
        .add(conv.rows().size())
        .add(conv.columns().size())
        .add(conv.rows().stride())
        .add(conv.columns().stride())
        .add(conv.rows().padding())
        .add(conv.columns().padding())
        .add(conv.rows().dilation())
        .add(conv.columns().dilation());
  }
}
