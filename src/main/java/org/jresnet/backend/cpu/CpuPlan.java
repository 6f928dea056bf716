package org.jresnet.backend.cpu;

import java.util.Optional;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Phase;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.DataType;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.OneDnnScope;
import org.jresnet.nativebindings.onednn.OneDnnScope.Propagation;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;

/**
 * What all plans share: descriptors in one scope, and the layout of the scratch memory, which is
 * the largest scratchpad followed by the op's own temporaries.
 */
abstract class CpuPlan implements OpPlan {
  private static final long ALIGNMENT = 64;

  final OneDnn dnn;
  final OneDnnScope scope;
  private final OpSpec spec;
  private long scratch;
  private long temporaries;
  private long saved;
  private long packed;

  CpuPlan(OneDnn dnn, OpSpec spec) {
    this.dnn = dnn;
    this.spec = spec;
    this.scope = new OneDnnScope(dnn);
  }

  /**
   * Refuses to add to a gradient that oneDNN writes.
   *
   * @throws UnsupportedOperationException naming the gradient and what to use instead
   */
  void requireNoAccumulation(GradientWrite policy, String gradient) {
    if (policy == GradientWrite.ACCUMULATE) {
      throw new UnsupportedOperationException(
          "the cpu backend writes "
              + gradient
              + " and cannot add to it; use OVERWRITE, and Optimizer.accumulate for several batches: "
              + spec);
    }
  }

  static long align(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  static DataType dataType(DType type) {
    return switch (type) {
      case F32 -> DataType.F32;
      case BF16 -> DataType.BF16;
      case I8 -> DataType.I8;
      case U8 -> DataType.U8;
      default ->
          throw new UnsupportedOperationException(
              "oneDNN computes in F32, BF16, I8 and U8, not in " + type);
    };
  }

  Desc nhwc(Shape shape, DType type) {
    return scope.nhwc(dataType(type), shape.n(), shape.c(), shape.h(), shape.w());
  }

  Propagation propagation() {
    return spec.pass() == Pass.TRAINING ? Propagation.TRAINING : Propagation.INFERENCE;
  }

  /** Unwraps a choice and reserves its scratchpad. */
  PrimitiveDesc require(Optional<PrimitiveDesc> choice, String what) {
    PrimitiveDesc desc =
        choice.orElseThrow(
            () ->
                new UnsupportedOperationException(
                    "oneDNN has no implementation of " + what + " for " + spec));
    scratch = Math.max(scratch, align(desc.scratchpad().bytes()));
    return desc;
  }

  /** Reserves temporaries; several calls overlap unless offsets are added up by the caller. */
  void temporaries(long bytes) {
    temporaries = Math.max(temporaries, bytes);
  }

  /** Where temporaries start in the scratch memory. */
  long temporary(long offset) {
    return scratch + offset;
  }

  void saved(long bytes) {
    saved = bytes;
  }

  void packed(long bytes) {
    packed = bytes;
  }

  /** The op that adds a temporary to DX, where the policy asks for it. */
  Optional<PrimitiveDesc> accumulation(GradientWrite policy, Desc dx) {
    return policy == GradientWrite.ACCUMULATE
        ? Optional.of(require(scope.add(dx), "gradient accumulation"))
        : Optional.empty();
  }

  /** DX itself, or the temporary in its place that {@link #accumulate} adds to it. */
  Memory target(CpuOp.Builder op, Optional<PrimitiveDesc> accumulation, Desc dx, long temporary) {
    return accumulation.isPresent()
        ? op.at(dx, Slot.SCRATCH, temporary(temporary))
        : op.at(dx, Slot.DX);
  }

  void accumulate(CpuOp.Builder op, Optional<PrimitiveDesc> accumulation, Desc dx, long temporary) {
    accumulation.ifPresent(
        add ->
            op.call(
                Phase.BACKWARD,
                add,
                java.util.Map.of(
                    Arg.SRC, op.at(dx, Slot.DX),
                    Arg.SRC_1, op.at(dx, Slot.SCRATCH, temporary(temporary)),
                    Arg.DST, op.at(dx, Slot.DX))));
  }

  abstract void build(CpuOp.Builder op, Operands operands);

  @Override
  public final BoundOp bind(Operands operands) {
    CpuOp.Builder op = new CpuOp.Builder(dnn, spec, operands);
    try {
      build(op, operands);
      return op.build();
    } catch (RuntimeException | Error e) {
      op.abandon();
      throw e;
    }
  }

  @Override
  public final OpSpec spec() {
    return spec;
  }

  @Override
  public final long savedBytes() {
    return saved;
  }

  @Override
  public final long packedBytes() {
    return packed;
  }

  @Override
  public final long scratchBytes() {
    return scratch + temporaries;
  }

  @Override
  public final void close() {
    scope.close();
  }
}
