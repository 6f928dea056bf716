package org.jresnet.backend.cpu;

import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.LibraryPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.DataType;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Filters;
import org.jresnet.nativebindings.onednn.Geometry;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.OneDnnScope;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;
import org.jresnet.nativebindings.onednn.Propagation;

/** What the plans of oneDNN share: their descriptors in one scope, and additions to DX. */
abstract class CpuPlan extends LibraryPlan<CpuBinding> {
  private static final long ALIGNMENT = 64;

  final OneDnn dnn;
  final OneDnnScope scope;

  CpuPlan(OneDnn dnn, OpSpec spec) {
    super("cpu", ALIGNMENT, spec);
    this.dnn = dnn;
    this.scope = new OneDnnScope(dnn);
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

  /** How the filters of a convolution move. */
  static Geometry geometry(Conv2d conv) {
    return new Geometry(step(conv.rows()), step(conv.columns()));
  }

  private static Geometry.Step step(Axis axis) {
    return new Geometry.Step(axis.stride(), axis.padding(), axis.dilation());
  }

  /** The filters of a convolution. */
  static Filters filters(Conv2d conv) {
    return new Filters(
        conv.groups(),
        conv.k(),
        conv.c() / conv.groups(),
        conv.rows().size(),
        conv.columns().size());
  }

  Propagation propagation() {
    return training() ? Propagation.TRAINING : Propagation.INFERENCE;
  }

  /** Unwraps a choice and reserves its scratchpad. */
  PrimitiveDesc require(Optional<PrimitiveDesc> choice, String what) {
    PrimitiveDesc desc =
        choice.orElseThrow(
            () ->
                new UnsupportedOperationException(
                    "oneDNN has no implementation of " + what + " for " + spec));
    libraryScratch(desc.scratchpad().bytes());
    return desc;
  }

  /** The op that adds a temporary to DX, where the policy asks for it. */
  Optional<PrimitiveDesc> accumulation(GradientWrite policy, Desc dx) {
    return policy == GradientWrite.ACCUMULATE
        ? Optional.of(require(scope.add(dx), "gradient accumulation"))
        : Optional.empty();
  }

  /** DX itself, or the temporary in its place that {@link #accumulate} adds to it. */
  Memory target(CpuBinding op, Optional<PrimitiveDesc> accumulation, Desc dx, long temporary) {
    return accumulation.isPresent()
        ? op.at(dx, Slot.SCRATCH, temporary(temporary))
        : op.at(dx, Slot.DX);
  }

  void accumulate(CpuBinding op, Optional<PrimitiveDesc> accumulation, Desc dx, long temporary) {
    accumulation.ifPresent(
        add ->
            op.call(
                Phase.BACKWARD,
                add,
                Map.of(
                    Arg.SRC, op.at(dx, Slot.DX),
                    Arg.SRC_1, op.at(dx, Slot.SCRATCH, temporary(temporary)),
                    Arg.DST, op.at(dx, Slot.DX))));
  }

  @Override
  protected final CpuBinding start(Operands operands) {
    return new CpuBinding(dnn, spec, operands);
  }

  @Override
  public final void close() {
    scope.close();
  }
}
