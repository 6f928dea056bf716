package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PostOps;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;
import org.jresnet.nativebindings.onednn.Strided;

/** Ops that move channels without computing: copies of oneDNN between tensors with strides. */
final class MovePlan extends CpuPlan {
  /** A part of an operand. */
  private record Part(Slot slot, Desc desc, long offset) {}

  private record Move(Part from, Part to, PrimitiveDesc copy) {}

  private final Workers workers;
  private final Strided strided;
  private final List<Move> forward = new ArrayList<>();
  private final List<Move> backward = new ArrayList<>();

  /** Whether parts of dx belong to no part of dy. */
  private boolean clears;

  private MovePlan(OneDnn dnn, Workers workers, OpSpec spec) {
    super(dnn, spec);
    this.workers = workers;
    strided = new Strided(scope);
  }

  /** {@code y = x} */
  static MovePlan copy(OneDnn dnn, Workers workers, OpSpec spec) {
    MovePlan plan = new MovePlan(dnn, workers, spec);
    int c = spec.x().c();
    plan.moves(0, plan.channels(c, c), 0, plan.channels(c, c), 0);
    return plan;
  }

  static MovePlan concat(OneDnn dnn, Workers workers, OpSpec spec) {
    MovePlan plan = new MovePlan(dnn, workers, spec);
    int first = 0;
    for (int i = 0; i < spec.inputs().size(); i++) {
      int c = spec.inputs().get(i).shape().c();
      plan.moves(i, plan.channels(c, c), 0, plan.channels(c, spec.y().c()), first);
      first += c;
    }
    return plan;
  }

  static MovePlan slice(OneDnn dnn, Workers workers, OpSpec spec) {
    MovePlan plan = new MovePlan(dnn, workers, spec);
    int c = spec.y().c();
    int from = ((ChannelSlice) spec.op()).from();
    plan.clears = c < spec.x().c() && spec.write(Slot.DX) == GradientWrite.OVERWRITE;
    plan.moves(0, plan.channels(c, spec.x().c()), from, plan.channels(c, c), 0);
    return plan;
  }

  static MovePlan shuffle(OneDnn dnn, Workers workers, OpSpec spec) {
    MovePlan plan = new MovePlan(dnn, workers, spec);
    int groups = ((ChannelShuffle) spec.op()).groups();
    long c = spec.x().c();
    long[] extents = {spec.x().perChannel(), groups, c / groups};
    plan.moves(
        0,
        plan.desc(extents, new long[] {c, c / groups, 1}),
        0,
        plan.desc(extents, new long[] {c, 1, groups}),
        0);
    return plan;
  }

  /** {@code c} channels of pixels that have {@code of} channels. */
  private Desc channels(long c, long of) {
    return desc(new long[] {spec.y().perChannel(), c}, new long[] {of, 1});
  }

  private Desc desc(long[] extents, long[] strides) {
    return strided.desc(dataType(spec.type()), extents, strides);
  }

  /** Input {@code i} goes to the output, from one channel of a pixel to another. */
  private void moves(int i, Desc x, int fromChannel, Desc y, int toChannel) {
    Slot slot = Slot.input(i);
    Slot gradient = slot.gradient().orElseThrow();
    long size = spec.type().bytes();
    forward.add(
        move(new Part(slot, x, fromChannel * size), new Part(Slot.Y, y, toChannel * size), false));
    GradientWrite policy = spec.write(gradient);
    if (policy != GradientWrite.NONE) {
      Part dx = new Part(gradient, x, fromChannel * size);
      Part dy = new Part(Slot.DY, y, toChannel * size);
      backward.add(move(dy, dx, policy == GradientWrite.ACCUMULATE));
    }
  }

  private Move move(Part from, Part to, boolean adds) {
    PostOps postOps = adds ? scope.postOps().sum() : scope.postOps();
    PrimitiveDesc copy = require(strided.copy(from.desc, to.desc, postOps), "a copy with strides");
    return new Move(from, to, copy);
  }

  @Override
  public String implementation() {
    return Stream.concat(forward.stream(), backward.stream())
        .map(m -> m.copy.implementation())
        .distinct()
        .collect(Collectors.joining(" | "));
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    forward.forEach(m -> op.call(FORWARD, m.copy, arguments(op, m)));
    if (clears) {
      op.host(
          BACKWARD,
          operands.get(Slot.DX).bytes(),
          clearing(new HostTensor(operands.get(Slot.DX)), spec.x()));
    }
    backward.forEach(m -> op.call(BACKWARD, m.copy, arguments(op, m)));
  }

  private static Map<Arg, Memory> arguments(CpuBinding op, Move m) {
    return Map.of(
        Arg.SRC, op.at(m.from.desc, m.from.slot, m.from.offset),
        Arg.DST, op.at(m.to.desc, m.to.slot, m.to.offset));
  }

  private Runnable clearing(HostTensor tensor, Shape shape) {
    int width = Math.multiplyExact(shape.w(), shape.c());
    int rows = shape.n() * shape.h();
    HostTensor.Row[] zeros = HostTensor.rows(workers, width);
    Workers.Task task =
        worker -> {
          int end = (int) workers.share(worker + 1, rows, 1);
          for (int row = (int) workers.share(worker, rows, 1); row < end; row++) {
            tensor.put((long) row * width, zeros[worker], width);
          }
        };
    return () -> workers.run(task);
  }
}
