package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/** Concat, slice and shuffle of channels, and a copy, which is a slice of all of them. */
final class MovePlan extends GpuPlan {
  /** Channels of an operand that has {@code channels}, from {@code first} on. */
  private record Part(Slot slot, int channels, int first) {}

  private final String type;
  private final long pixels;

  MovePlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    type = Gpu.suffix(spec.type());
    pixels = spec.y().perChannel();
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    if (spec.op() instanceof ChannelShuffle shuffle) {
      int groups = shuffle.groups();
      shuffle(op, FORWARD, Slot.X, Slot.Y, groups);
      if (spec.write(Slot.DX) != GradientWrite.NONE) {
        // A transposed matrix, transposed.
        shuffle(op, BACKWARD, Slot.DY, Slot.DX, spec.x().c() / groups);
      }
      return;
    }
    int all = spec.y().c();
    if (spec.inputs().size() == 1) {
      Part x = new Part(Slot.X, spec.x().c(), first());
      move(op, FORWARD, x, new Part(Slot.Y, all, 0), all);
      if (spec.write(Slot.DX) != GradientWrite.NONE) {
        sliceBackward(op);
      }
      return;
    }
    int first = 0;
    for (int i = 0; i < spec.inputs().size(); i++) {
      int c = spec.inputs().get(i).shape().c();
      move(op, FORWARD, new Part(Slot.input(i), c, 0), new Part(Slot.Y, all, first), c);
      Slot gradient = Slot.input(i).gradient().orElseThrow();
      if (spec.write(gradient) != GradientWrite.NONE) {
        move(op, BACKWARD, new Part(Slot.DY, all, first), new Part(gradient, c, 0), c);
      }
      first += c;
    }
  }

  private int first() {
    return spec.op() instanceof ChannelSlice slice ? slice.from() : 0;
  }

  /** Copies channels, or adds them to a gradient that others have written to. */
  private void move(GpuBinding op, Phase phase, Part from, Part to, int count) {
    int adds = adds(to.slot);
    op.kernel(
        phase,
        "channels_" + type,
        pixels * count,
        (2 + adds) * pixels * count * spec.type().bytes(),
        new Arguments()
            .add(op.at(from.slot).address())
            .add(op.at(to.slot).address())
            .add(from.channels)
            .add(from.first)
            .add(to.channels)
            .add(to.first)
            .add(count)
            .add(adds)
            .add(pixels));
  }

  private void sliceBackward(GpuBinding op) {
    int c = spec.x().c();
    int count = spec.y().c();
    int adds = adds(Slot.DX);
    op.kernel(
        BACKWARD,
        "sliceBackward_" + type,
        pixels * c,
        pixels * (c + adds * c + count) * spec.type().bytes(),
        new Arguments()
            .add(op.at(Slot.DY).address())
            .add(op.at(Slot.DX).address())
            .add(c)
            .add(first())
            .add(count)
            .add(adds)
            .add(pixels));
  }

  private void shuffle(GpuBinding op, Phase phase, Slot from, Slot to, int groups) {
    long elements = spec.x().elements();
    int adds = adds(to);
    op.kernel(
        phase,
        "shuffle_" + type,
        elements,
        (2 + adds) * elements * spec.type().bytes(),
        new Arguments()
            .add(op.at(from).address())
            .add(op.at(to).address())
            .add(groups)
            .add(spec.x().c())
            .add(adds)
            .add(elements));
  }
}
