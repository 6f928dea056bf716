package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.FINISH;
import static org.jresnet.backend.Phase.PREPARE;

import org.jresnet.backend.Phase;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;

/**
 * The filters of a convolution. cuDNN wants them as k r s c in the activation type: master weights
 * are packed before all ops compute, gradients are unpacked into the arena after all have. A 1x1
 * filter in single precision is its own packed form.
 *
 * @param conv the convolution, or the one that it is the transpose of
 * @param type of activations
 */
record Filters(Conv2d conv, DType type) {
  /** Whether activations have 16 bits, parameters 32. */
  boolean narrow() {
    return type == DType.BF16 || type == DType.F16;
  }

  boolean packed() {
    return narrow() || conv.taps() > 1;
  }

  /** Channels of one filter. */
  private int c() {
    return conv.c() / conv.groups();
  }

  private long elements() {
    return (long) conv.k() * c() * conv.taps();
  }

  /** In the packed form. */
  long bytes() {
    return elements() * type.bytes();
  }

  /** Adds what packs the master weights. */
  void pack(GpuBinding op, Place to) {
    move(op, PREPARE, "pack_", op.at(Slot.WEIGHT), to);
  }

  /** Adds what unpacks a gradient. */
  void unpack(GpuBinding op, Place from) {
    move(op, FINISH, "unpack_", from, op.at(Slot.DWEIGHT));
  }

  private void move(GpuBinding op, Phase phase, String kernel, Place from, Place to) {
    op.reorder(
        phase,
        kernel + Gpu.suffix(type),
        new Reorder.Segment(from.address(), to.address(), conv.k(), c(), conv.taps()),
        elements() * 4 + bytes());
  }
}
