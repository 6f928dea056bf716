package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.graph.Shape;
import org.jresnet.nativebindings.cuda.CudnnPlan;
import org.jresnet.nativebindings.cuda.OpGraph;

/**
 * What all plans share: the engines chosen, and the layout of the scratch memory, which is the
 * largest engine's scratch memory followed by the op's own temporaries.
 */
abstract class GpuPlan implements OpPlan {
  private static final long ALIGNMENT = 256;

  final Planner planner;
  private final OpSpec spec;
  private final List<Planned> engines = new ArrayList<>();
  private Optional<? extends Device> device = Optional.empty();
  private long scratch;
  private long temporaries;
  private long saved;
  private long packed;

  GpuPlan(Planner planner, OpSpec spec) {
    this.planner = planner;
    this.spec = spec;
    Planner.dataType(spec.type());
  }

  /** Says where bound ops will run; without it the plan is for looking at. */
  GpuPlan on(Optional<? extends Device> runner) {
    device = runner;
    return this;
  }

  static long align(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  void requireNoAccumulation(GradientWrite policy, String gradient) {
    if (policy == GradientWrite.ACCUMULATE) {
      throw new UnsupportedOperationException(
          "the gpu backend writes "
              + gradient
              + " and cannot add to it; use OVERWRITE, and Optimizer.accumulate for several batches: "
              + spec);
    }
  }

  boolean training() {
    return spec.pass() == Pass.TRAINING;
  }

  /** Takes an engine into the plan and reserves its scratch memory. */
  Planned use(Optional<Planned> choice, String what) {
    Planned made =
        choice.orElseThrow(
            () ->
                new UnsupportedOperationException(
                    "cuDNN has no engine for "
                        + what
                        + " that the precision, --deterministic and --workspace allow: "
                        + spec));
    engines.add(made);
    scratch = Math.max(scratch, align(made.plan().workspaceBytes()));
    return made;
  }

  void temporaries(long bytes) {
    temporaries = Math.max(temporaries, align(bytes));
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

  static String text(Shape s) {
    return s.n() + "x" + s.h() + "x" + s.w() + "x" + s.c();
  }

  static String text(OpGraph.Geometry w) {
    return w.window() + "x" + w.window() + " stride " + w.stride() + " padding " + w.padding();
  }

  abstract void build(GpuOp.Builder op, Operands operands);

  /** What computes, where no engine of cuDNN does. */
  String ownKernels() {
    return "kernels";
  }

  /** The engines, in the order of the calls. */
  List<Choice> choices() {
    return engines.stream().map(Planned::choice).toList();
  }

  /** The plans behind {@link #choices}, for what cuDNN says of them. */
  List<CudnnPlan> plans() {
    return engines.stream().map(Planned::plan).toList();
  }

  @Override
  public final String implementation() {
    return engines.isEmpty()
        ? ownKernels()
        : engines.stream().map(e -> e.choice().text()).collect(Collectors.joining(" | "));
  }

  @Override
  public final BoundOp bind(Operands operands) {
    Device runner =
        device.orElseThrow(
            () -> new IllegalStateException("planned for a GPU that is not here; it cannot run"));
    GpuOp.Builder op = new GpuOp.Builder(runner, spec, operands);
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

  /** The planner owns the engines, which ops of other layers share. */
  @Override
  public final void close() {}
}
