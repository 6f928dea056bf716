package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.LibraryPlan;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.backend.TensorSpec;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.CudnnPlan;
import org.jresnet.nativebindings.cuda.Geometry;

/** What the plans of the GPU share: the engines chosen, and where they will run. */
abstract class GpuPlan extends LibraryPlan<GpuBinding> {
  /** What cuDNN's engines and our vectorised kernels want. */
  static final long ALIGNMENT = 256;

  final Planner planner;
  private final List<Planned> engines = new ArrayList<>();
  private Optional<? extends Device> device = Optional.empty();
  private List<Form> forms = List.of();
  private Set<Slot> readsBeside = Set.of();
  private long besideWorkspace;
  private long besideTemporaries;

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
    Planned made = require(choice, what);
    libraryScratch(made.plan().workspaceBytes());
    return made;
  }

  /** The same for an engine that runs beside others. */
  Planned useBeside(Optional<Planned> choice, String what) {
    Planned made = require(choice, what);
    besideWorkspace = Math.max(besideWorkspace, align(made.plan().workspaceBytes()));
    return made;
  }

  /** Reserves temporaries of what runs beside others; those of several calls overlap. */
  final void besideTemporaries(long bytes) {
    besideTemporaries = Math.max(besideTemporaries, align(bytes));
  }

  /** Where they lie in {@link Slot#ASIDE}. */
  final long besideTemporary() {
    return besideWorkspace;
  }

  @Override
  public final long asideBytes() {
    return besideWorkspace + besideTemporaries;
  }

  /** Says that gradients of weight and bias run beside what follows, and what they read then. */
  final void runBeside(Set<Slot> reads) {
    readsBeside = reads;
  }

  /**
   * Where a filter's gradient is held in the engines' type, finish makes it the arena's. What runs
   * beside others is there after join.
   */
  @Override
  public final List<Operand> operands() {
    List<Operand> all = super.operands();
    all.replaceAll(this::timed);
    return all;
  }

  private Operand timed(Operand o) {
    boolean beside = !readsBeside.isEmpty();
    Set<Phase> reads = new TreeSet<>(o.reads());
    Set<Phase> writes = o.writes();
    if (readsBeside.contains(o.slot())) {
      reads.add(Phase.JOIN);
    }
    if (o.slot() == Slot.DWEIGHT && heldBytes() > 0) {
      writes = Set.of(Phase.FINISH);
    } else if (beside && o.slot() == Slot.HELD) {
      // Its memory is in use from the start.
      writes = Set.of(Phase.BACKWARD, Phase.JOIN);
    } else if (beside && (o.slot() == Slot.DWEIGHT || o.slot() == Slot.DBIAS)) {
      writes = Set.of(Phase.JOIN);
    }
    return new Operand(o.slot(), o.extents(), o.type(), reads, writes, o.over());
  }

  private Planned require(Optional<Planned> choice, String what) {
    Planned made =
        choice.orElseThrow(
            () ->
                new UnsupportedOperationException(
                    "cuDNN has no engine for "
                        + what
                        + " that the precision, --deterministic and --workspace allow: "
                        + spec));
    engines.add(made);
    return made;
  }

  /** 1 where a kernel adds to that gradient, 0 where it overwrites; an output is no gradient. */
  final int adds(Slot gradient) {
    return spec.write(gradient) == GradientWrite.ACCUMULATE ? 1 : 0;
  }

  static String text(Shape s) {
    return s.n() + "x" + s.h() + "x" + s.w() + "x" + s.c();
  }

  static String text(Geometry w) {
    Geometry.Step h = w.rows();
    Geometry.Step v = w.columns();
    String gaps = pair(h.dilation(), v.dilation());
    return h.window()
        + "x"
        + v.window()
        + " stride "
        + pair(h.stride(), v.stride())
        + " padding "
        + pair(h.padding(), v.padding())
        + (gaps.equals("1") ? "" : " dilation " + gaps);
  }

  private static String pair(int rows, int columns) {
    return rows == columns ? "" + rows : rows + "x" + columns;
  }

  /** A convolution's extents and geometry, which its engines depend on. */
  static String text(Shape x, Shape y, Conv2d conv) {
    return text(x)
        + " to "
        + text(y)
        + " by "
        + text(geometry(conv))
        + (conv.groups() == 1 ? "" : " in " + conv.groups() + " groups");
  }

  /** How the filters of a convolution move. */
  static Geometry geometry(Conv2d conv) {
    return new Geometry(step(conv.rows()), step(conv.columns()));
  }

  private static Geometry.Step step(Axis axis) {
    return new Geometry.Step(axis.size(), axis.stride(), axis.padding(), axis.dilation());
  }

  /** Weights are packed by kernels of our own, whatever engine and batch size are. */
  @Override
  public final boolean packsLike(OpPlan other) {
    return other instanceof GpuPlan plan
        && plan.getClass() == getClass()
        && plan.packedBytes() == packedBytes()
        && ofOneImage(plan.spec).equals(ofOneImage(spec));
  }

  private static List<Object> ofOneImage(OpSpec spec) {
    List<Object> all = new ArrayList<>(List.of(spec.op(), spec.tail(), ofOneImage(spec.output())));
    spec.inputs().forEach(input -> all.add(ofOneImage(input)));
    return all;
  }

  private static TensorSpec ofOneImage(TensorSpec t) {
    Shape s = t.shape();
    return new TensorSpec(new Shape(1, s.h(), s.w(), s.c()), t.type(), t.quant(), t.summed());
  }

  /** What computes, where no engine of cuDNN does. */
  String ownKernels() {
    return "kernels";
  }

  /** The engines, in the order of the calls. */
  List<Choice> choices() {
    return engines.stream().map(Planned::choice).toList();
  }

  /** Ways to compute a part of the op, where there are several. */
  List<Form> forms() {
    return forms;
  }

  /** Says among which plans this one was chosen. */
  GpuPlan among(List<Form> all) {
    forms = all;
    return this;
  }

  /** What the calls move through memory. */
  List<Traffic> traffic() {
    return Traffic.of(spec);
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
