package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jresnet.backend.LibraryPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Shape;
import org.jresnet.nativebindings.cuda.CudnnPlan;
import org.jresnet.nativebindings.cuda.Geometry;

/** What the plans of the GPU share: the engines chosen, and where they will run. */
abstract class GpuPlan extends LibraryPlan<GpuBinding> {
  /** What cuDNN's engines and our vectorised kernels want. */
  static final long ALIGNMENT = 256;

  final Planner planner;
  private final List<Planned> engines = new ArrayList<>();
  private Optional<? extends Device> device = Optional.empty();

  GpuPlan(Planner planner, OpSpec spec) {
    super("gpu", ALIGNMENT, spec);
    this.planner = planner;
    Planner.dataType(spec.type());
  }

  /** Says where bound ops will run; without it the plan is for looking at. */
  GpuPlan on(Optional<? extends Device> runner) {
    device = runner;
    return this;
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
    libraryScratch(made.plan().workspaceBytes());
    return made;
  }

  static String text(Shape s) {
    return s.n() + "x" + s.h() + "x" + s.w() + "x" + s.c();
  }

  static String text(Geometry w) {
    return w.window() + "x" + w.window() + " stride " + w.stride() + " padding " + w.padding();
  }

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
  protected final GpuBinding start(Operands operands) {
    Device runner =
        device.orElseThrow(
            () -> new IllegalStateException("planned for a GPU that is not here; it cannot run"));
    return new GpuBinding(runner, spec, operands);
  }

  /** The planner owns the engines, which ops of other layers share. */
  @Override
  public final void close() {}
}
