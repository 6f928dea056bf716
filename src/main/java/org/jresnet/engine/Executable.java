package org.jresnet.engine;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.InputOp;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.OpCall;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Slot;
import org.jresnet.backend.Tensor;
import org.jresnet.base.Closing;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model compiled for one pass, batch size and image size: a fixed list of prepared calls over one
 * planned block of memory. Used from one thread. Closing it leaves the model alone.
 */
public final class Executable implements AutoCloseable {
  /** One line of the plan: what computes a group of nodes, and the memory that it asks for. */
  public record PlanLine(
      String name, OpSpec spec, String implementation, long savedBytes, long scratchBytes) {}

  /** A call and the node (or {@code input}, {@code loss}) that it belongs to. */
  public record NamedCall(String node, OpCall call) {}

  /** An op as it will be planned, and the last node of its group. */
  public record NamedSpec(String name, OpSpec spec) {}

  /** A compiled group. */
  private record Step(Group group, BoundOp op) {}

  private static final Logger LOG = LoggerFactory.getLogger(Executable.class);

  private final Model model;
  private final CompileOptions options;
  private final List<PlanLine> plan = new ArrayList<>();
  private final List<AutoCloseable> owned = new ArrayList<>();
  private final Map<String, Tensor> taps = new HashMap<>();
  private final Map<Integer, Tensor> values = new HashMap<>();
  private Step[] forward;
  private Step[] backward;
  private String[] counters;
  private InputOp input;
  private LossOp loss;
  private Backend.Sequence work;
  private double gradientFactor = 1;
  private Tensor logits;
  private long memory;
  private boolean stale = true;
  private Buffer arena;

  private Executable(Model model, CompileOptions options) {
    this.model = model;
    this.options = options;
  }

  /**
   * Plans, allocates and binds everything.
   *
   * @throws UserError when the image size does not fit the network, a tap does not exist or memory
   *     does not suffice
   * @throws UnsupportedOperationException when the backend cannot compute a node, naming it
   */
  public static Executable compile(Model model, CompileOptions options) {
    return compile(model, options, Optional.empty());
  }

  /** What {@link #compile} would ask a backend to plan, in forward order. */
  public static List<NamedSpec> specs(Graph graph, CompileOptions options, Precision precision) {
    return Lowering.lower(graph, options, precision).stream()
        .map(group -> new NamedSpec(group.name(), group.spec()))
        .toList();
  }

  /**
   * Compiles another pass or batch size of the same model into the memory of this executable, where
   * it fits: validation beside training then costs nothing. The two must take turns, and {@link
   * #parametersChanged()} must be called each time before the guest runs, because the host has
   * overwritten its prepared weights. The guest must be closed first.
   */
  public Executable compileSharingMemory(CompileOptions guest) {
    return compile(model, guest, Optional.of(arena));
  }

  private static Executable compile(Model model, CompileOptions options, Optional<Buffer> lent) {
    if (options.batch() < 1 || options.height() < 1 || options.width() < 1) {
      throw new UserError(
          "batch and image size must be at least 1, found batch "
              + options.batch()
              + " of "
              + options.height()
              + "x"
              + options.width());
    }
    Executable executable = new Executable(model, options);
    try {
      executable.build(lent);
      return executable;
    } catch (RuntimeException | Error e) {
      try {
        executable.close();
      } catch (RuntimeException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw e;
    }
  }

  private void build(Optional<Buffer> lent) {
    Graph graph = model.graph();
    List<Group> groups = Lowering.lower(graph, options, model.precision());
    List<Shape> shapes = graph.shapes(options.batch(), options.height(), options.width());
    for (String tap : options.taps()) {
      graph.node(tap);
    }
    List<OpPlan> plans = new ArrayList<>();
    try {
      for (Group group : groups) {
        plans.add(plan(group));
      }
      Layout layout = new Layout(groups, plans, shapes);
      arena =
          lent.filter(buffer -> buffer.bytes() >= layout.bytes)
              .orElseGet(() -> allocate(layout.bytes));
      memory = layout.bytes;
      LOG.info(
          "{} {}, batch {} of {}x{}: {} groups in {} MB",
          graph.name(),
          options.pass(),
          options.batch(),
          options.height(),
          options.width(),
          groups.size(),
          memory >> 20);
      bind(groups, plans, layout);
    } finally {
      plans.forEach(OpPlan::close);
    }
  }

  private OpPlan plan(Group group) {
    try {
      OpPlan made = model.backend().plan(group.spec());
      PlanLine line =
          new PlanLine(
              group.name(),
              group.spec(),
              made.implementation(),
              made.savedBytes(),
              made.scratchBytes());
      plan.add(line);
      LOG.info(
          "{} ({}): {}, saved {} B, scratch {} B",
          line.name(),
          line.spec().getClass().getSimpleName(),
          line.implementation(),
          line.savedBytes(),
          line.scratchBytes());
      return made;
    } catch (UnsupportedOperationException e) {
      throw new UnsupportedOperationException(group.name() + ": " + e.getMessage(), e);
    }
  }

  private Buffer allocate(long bytes) {
    try {
      return own(model.backend().allocate("activations", bytes));
    } catch (UserError e) {
      long perImage = Math.max(1, bytes / options.batch());
      long parameters = model.parameters().bytes();
      long trained = options.pass() == Pass.TRAINING ? 2 * parameters : parameters;
      OptionalLong free = model.backend().freeBytes();
      String fits =
          free.isEmpty()
              ? ""
              : free.getAsLong() < perImage
                  ? " (not even one image fits)"
                  : " (about " + free.getAsLong() / perImage + " images would fit)";
      throw new UserError(
          e.getMessage()
              + ". "
              + model.graph().name()
              + " at "
              + options.height()
              + "x"
              + options.width()
              + " needs about "
              + (perImage >> 20)
              + " MB per image of the batch besides "
              + (trained >> 20)
              + " MB of parameters"
              + (options.pass() == Pass.TRAINING ? " and gradients" : "")
              + "; use a smaller --batch than "
              + options.batch()
              + fits
              + " or a smaller --size",
          e);
    }
  }

  /**
   * When every tensor lives. Forward of group g happens at step g, the loss at step G, backward of
   * group g at 2G − g; step 2G + 1 is after everything, where logits and taps are read.
   */
  private final class Layout {
    final MemoryPlan memoryPlan = new MemoryPlan();
    final Map<Integer, MemoryPlan.Block> activations = new HashMap<>();
    final Map<Integer, MemoryPlan.Block> gradients = new HashMap<>();
    final Map<Group, MemoryPlan.Block> saved = new HashMap<>();
    final Map<Group, MemoryPlan.Block> prepared = new HashMap<>();
    final MemoryPlan.Block scratch;
    final List<Shape> shapes;
    final long bytes;

    Layout(List<Group> groups, List<OpPlan> plans, List<Shape> shapes) {
      this.shapes = shapes;
      int count = groups.size();
      int end = 2 * count + 1;
      activations.put(0, block("input", 0, 0));
      for (int g = 0; g < count; g++) {
        Group group = groups.get(g);
        OpSpec spec = group.spec();
        boolean training = spec.pass() == Pass.TRAINING;
        long packedBytes = plans.get(g).packedBytes();
        if (packedBytes > 0) {
          prepared.put(group, memoryPlan.add(group.name() + " prepared", packedBytes, 0).live(end));
        }
        activations.get(group.x()).live(g);
        if (group.residual() >= 0) {
          activations.get(group.residual()).live(g);
        }
        // In inference a convolution adds to its residual: one block serves both.
        boolean inPlace = spec instanceof OpSpec.FoldedConv || spec instanceof OpSpec.QuantizedConv;
        activations.put(
            group.y(),
            inPlace && group.residual() >= 0
                ? activations.get(group.residual())
                : block(group.name(), group.y(), g));
        if (training) {
          int back = 2 * count - g;
          if (readsInput(spec)) {
            activations.get(group.x()).live(back);
          }
          if (readsOutput(spec)) {
            activations.get(group.y()).live(back);
          }
          long savedBytes = plans.get(g).savedBytes();
          if (savedBytes > 0) {
            saved.put(group, memoryPlan.add(group.name() + " saved", savedBytes, g).live(back));
          }
        }
        if (options.taps().contains(group.nodes().get(group.nodes().size() - 1).name())) {
          activations.get(group.y()).live(end);
        }
      }
      if (options.taps().contains("input")) {
        activations.get(0).live(end);
      }
      activations.get(groups.get(count - 1).y()).live(end);
      planGradients(groups);
      long largest = plans.stream().mapToLong(OpPlan::scratchBytes).max().orElse(0);
      scratch = memoryPlan.add("scratch", largest, 0).live(end);
      bytes = memoryPlan.place();
    }

    private void planGradients(List<Group> groups) {
      int count = groups.size();
      if (options.pass() == Pass.TRAINING) {
        int logitsNode = groups.get(count - 1).y();
        gradients.put(logitsNode, block("gradient of logits", logitsNode, count));
      }
      for (int g = count - 1; g >= 0; g--) {
        Group group = groups.get(g);
        if (group.spec().pass() != Pass.TRAINING) {
          continue;
        }
        int back = 2 * count - g;
        MemoryPlan.Block dy = gradients.get(group.y()).live(back);
        if (group.spec() instanceof OpSpec.Norm && group.residual() >= 0) {
          // The norm writes the residual's gradient over dy: one block serves both.
          gradients.put(group.residual(), dy);
        } else if (group.spec() instanceof OpSpec.Add add
            && add.dresidual() != GradientWrite.NONE) {
          gradient(group.residual(), back);
        }
        if (writesInputGradient(group.spec())) {
          gradient(group.x(), back);
        }
      }
    }

    private void gradient(int node, int step) {
      MemoryPlan.Block block = gradients.get(node);
      if (block == null) {
        gradients.put(
            node, block("gradient of " + model.graph().nodes().get(node).name(), node, step));
      } else {
        block.live(step);
      }
    }

    private MemoryPlan.Block block(String name, int node, int step) {
      return memoryPlan.add(name, shapes.get(node).elements() * type(node).bytes(), step);
    }

    Tensor tensor(Buffer arena, MemoryPlan.Block block, int node) {
      return new Tensor(arena, block.offset(), type(node), shapes.get(node).elements());
    }
  }

  private DType type(int node) {
    return Lowering.type(model.graph().nodes().get(node).op(), model.precision());
  }

  private static boolean readsInput(OpSpec spec) {
    return spec instanceof OpSpec.Norm
        || spec instanceof OpSpec.Conv conv && conv.dweight() != GradientWrite.NONE
        || spec instanceof OpSpec.Linear linear && linear.dparameters() != GradientWrite.NONE;
  }

  private static boolean readsOutput(OpSpec spec) {
    return spec instanceof OpSpec.Relu
        || spec instanceof OpSpec.Norm norm && norm.activation() == OpSpec.Activation.RELU;
  }

  private static boolean writesInputGradient(OpSpec spec) {
    if (spec instanceof OpSpec.Conv s) {
      return s.dx() != GradientWrite.NONE;
    } else if (spec instanceof OpSpec.Norm) {
      return true;
    } else if (spec instanceof OpSpec.Relu s) {
      return s.dx() != GradientWrite.NONE;
    } else if (spec instanceof OpSpec.Add s) {
      return s.dx() != GradientWrite.NONE;
    } else if (spec instanceof OpSpec.MaxPool s) {
      return s.dx() != GradientWrite.NONE;
    } else if (spec instanceof OpSpec.GlobalAvgPool s) {
      return s.dx() != GradientWrite.NONE;
    } else if (spec instanceof OpSpec.Linear s) {
      return s.dx() != GradientWrite.NONE;
    }
    return false;
  }

  private void bind(List<Group> groups, List<OpPlan> plans, Layout layout) {
    Backend backend = model.backend();
    layout.activations.forEach(
        (node, block) -> values.put(node, layout.tensor(arena, block, node)));
    input = own(backend.input(layout.shapes.get(0), options.normalization(), values.get(0)));
    List<Step> steps = new ArrayList<>();
    List<String> tracked = new ArrayList<>();
    for (int g = 0; g < groups.size(); g++) {
      Group group = groups.get(g);
      Operands operands = operands(group, layout, arena);
      OpPlan opPlan = plans.get(g);
      extra(operands, Slot.SAVED, arena, layout.saved.get(group), opPlan.savedBytes());
      extra(operands, Slot.PACKED, arena, layout.prepared.get(group), opPlan.packedBytes());
      extra(operands, Slot.SCRATCH, arena, layout.scratch, opPlan.scratchBytes());
      steps.add(new Step(group, own(opPlan.bind(operands))));
      if (group.spec() instanceof OpSpec.Norm norm
          && norm.statistics() == OpSpec.Statistics.BATCH) {
        tracked.add(Lowering.parameter(group, Parameter.Role.BATCHES_TRACKED).orElseThrow());
      }
    }
    forward = steps.toArray(Step[]::new);
    List<Step> reversed =
        new ArrayList<>(
            steps.stream().filter(s -> s.group.spec().pass() == Pass.TRAINING).toList());
    java.util.Collections.reverse(reversed);
    backward = reversed.toArray(Step[]::new);
    counters = tracked.toArray(String[]::new);
    int logitsNode = groups.get(groups.size() - 1).y();
    logits = values.get(logitsNode);
    if (options.pass() == Pass.TRAINING) {
      LossSpec spec =
          new LossSpec(
              options.batch(),
              model.graph().classes(),
              options.labelSmoothing(),
              options.classWeights());
      loss =
          own(
              backend.loss(
                  spec,
                  logits,
                  layout.tensor(arena, layout.gradients.get(logitsNode), logitsNode)));
    }
    work = own(backend.sequence(this::work));
    for (String tap : options.taps()) {
      taps.put(tap, values.get(model.graph().node(tap).index()));
    }
  }

  private static void extra(
      Operands operands, Slot slot, Buffer arena, MemoryPlan.Block block, long bytes) {
    if (bytes > 0) {
      operands.with(slot, new Tensor(arena, block.offset(), DType.U8, bytes));
    }
  }

  private Operands operands(Group group, Layout layout, Buffer arena) {
    Operands operands = new Operands();
    operands.with(Slot.X, values.get(group.x())).with(Slot.Y, values.get(group.y()));
    if (group.residual() >= 0) {
      operands.with(Slot.RESIDUAL, values.get(group.residual()));
    }
    boolean training = group.spec().pass() == Pass.TRAINING;
    for (Node node : group.nodes()) {
      for (Parameter p : node.parameters()) {
        if (p.role() == Parameter.Role.BATCHES_TRACKED) {
          continue;
        }
        operands.with(slot(p.role()), model.tensor(p.name()));
        if (training && p.role().trainable() && wantsParameterGradients(group.spec())) {
          operands.with(gradientSlot(p.role()), model.gradient(p.name()));
        }
      }
    }
    if (training) {
      Tensor dy = layout.tensor(arena, layout.gradients.get(group.y()), group.y());
      operands.with(Slot.DY, dy);
      if (writesInputGradient(group.spec())) {
        operands.with(Slot.DX, layout.tensor(arena, layout.gradients.get(group.x()), group.x()));
      }
      if (group.residual() >= 0 && layout.gradients.containsKey(group.residual())) {
        operands.with(
            Slot.DRESIDUAL,
            layout.tensor(arena, layout.gradients.get(group.residual()), group.residual()));
      }
    }
    return operands;
  }

  private static boolean wantsParameterGradients(OpSpec spec) {
    return spec instanceof OpSpec.Conv conv && conv.dweight() != GradientWrite.NONE
        || spec instanceof OpSpec.Norm norm && norm.dparameters() != GradientWrite.NONE
        || spec instanceof OpSpec.Linear linear && linear.dparameters() != GradientWrite.NONE;
  }

  private static Slot slot(Parameter.Role role) {
    return switch (role) {
      case CONV_WEIGHT, LINEAR_WEIGHT -> Slot.WEIGHT;
      case LINEAR_BIAS -> Slot.BIAS;
      case NORM_WEIGHT -> Slot.GAMMA;
      case NORM_BIAS -> Slot.BETA;
      case RUNNING_MEAN -> Slot.RUNNING_MEAN;
      case RUNNING_VAR -> Slot.RUNNING_VAR;
      case BATCHES_TRACKED -> throw new IllegalArgumentException("a counter is not an operand");
    };
  }

  private static Slot gradientSlot(Parameter.Role role) {
    return switch (role) {
      case CONV_WEIGHT, LINEAR_WEIGHT -> Slot.DWEIGHT;
      case LINEAR_BIAS -> Slot.DBIAS;
      case NORM_WEIGHT -> Slot.DGAMMA;
      case NORM_BIAS -> Slot.DBETA;
      default -> throw new IllegalArgumentException(role + " has no gradient");
    };
  }

  private <T extends AutoCloseable> T own(T resource) {
    owned.add(resource);
    return resource;
  }

  /** The model that this was compiled from. */
  public Model model() {
    return model;
  }

  /** What it was compiled for. */
  public CompileOptions options() {
    return options;
  }

  /** Implementations chosen, in forward order. */
  public List<PlanLine> plan() {
    return List.copyOf(plan);
  }

  /** Bytes of the planned block of activations, gradients of activations and scratch. */
  public long memoryBytes() {
    return memory;
  }

  /**
   * Says that parameters or running statistics have changed, so that prepared weights are made
   * anew.
   */
  public void parametersChanged() {
    stale = true;
  }

  /**
   * Runs forward.
   *
   * @param pixels batch·height·width·channels unsigned bytes, NHWC
   * @return logits {@code [batch, classes]}, row by row
   */
  public float[] infer(byte[] pixels) {
    load(pixels);
    if (options.pass() == Pass.INFERENCE && stale) {
      prepare();
      stale = false;
    }
    if (options.pass() == Pass.TRAINING) {
      forward();
    } else {
      work.run();
    }
    return logits();
  }

  /** The logits of the last run, {@code [batch, classes]}. */
  public float[] logits() {
    return logits.toFloats();
  }

  /**
   * Runs forward, loss and backward: gradients of all parameters that are not frozen are then in
   * the model, running statistics have moved on. The optimizer is not part of it.
   *
   * @param pixels as for {@link #infer}
   * @param labels batch class indices
   * @return mean loss of the batch
   */
  public double step(byte[] pixels, int[] labels) {
    if (loss == null) {
      throw new IllegalStateException("compiled for inference; a step needs Pass.TRAINING");
    }
    load(pixels);
    loss.load(labels, gradientFactor);
    work.run();
    double value = loss.value();
    for (String counter : counters) {
      model.countBatch(counter);
    }
    return value;
  }

  /**
   * Multiplies all gradients of the following steps, but not their loss: half-precision gradients
   * need it. Whoever updates the parameters divides by it again.
   */
  public void setGradientFactor(double factor) {
    gradientFactor = factor;
  }

  /** Correct predictions in the last {@link #step}. */
  public int correct() {
    return loss.correct();
  }

  /**
   * The calls of one run in order, each under its node's name, for profiles; running them all is
   * {@link #infer} or {@link #step} (without the count of batches).
   */
  public List<NamedCall> calls(byte[] pixels, int[] labels) {
    List<NamedCall> calls = new ArrayList<>();
    long read = values.get(0).elements();
    calls.add(
        host(
            "input",
            read + values.get(0).bytes(),
            () -> {
              load(pixels);
              input.run();
            }));
    boolean training = options.pass() == Pass.TRAINING;
    for (Step step : forward) {
      for (OpCall call : step.op.calls()) {
        if (call.phase() == OpCall.Phase.FORWARD
            || call.phase() == OpCall.Phase.PREPARE && training) {
          calls.add(new NamedCall(step.group.name(), call));
        }
      }
    }
    if (training) {
      calls.add(
          host(
              "loss",
              2 * logits.bytes(),
              () -> {
                loss.load(labels, gradientFactor);
                loss.run();
                loss.value();
              }));
    }
    for (Step step : backward) {
      for (OpCall call : step.op.calls()) {
        if (call.phase() == OpCall.Phase.BACKWARD) {
          calls.add(new NamedCall(step.group.name(), call));
        }
      }
    }
    return calls;
  }

  private static NamedCall host(String name, long bytes, Runnable body) {
    return new NamedCall(name, new OpCall(OpCall.Phase.FORWARD, "host", "java", 0, bytes, body));
  }

  private void load(byte[] pixels) {
    long expected = values.get(0).elements();
    if (pixels.length < expected) {
      throw new IllegalArgumentException(
          "expected " + expected + " bytes of pixels, found " + pixels.length);
    }
    input.load(pixels);
  }

  /** What is the same in every run. */
  private void work() {
    forward();
    if (options.pass() == Pass.TRAINING) {
      loss.run();
      for (Step step : backward) {
        step.op.backward();
      }
    }
  }

  private void forward() {
    if (options.pass() == Pass.TRAINING) {
      prepare();
    }
    input.run();
    for (Step step : forward) {
      step.op.forward();
    }
  }

  private void prepare() {
    for (Step step : forward) {
      step.op.prepare();
    }
  }

  /** A tapped node's output in the last run, NHWC. */
  public float[] tap(String node) {
    Tensor tensor = taps.get(node);
    if (tensor == null) {
      throw new IllegalArgumentException(
          node + " was not tapped at compile time; taps: " + Set.copyOf(taps.keySet()));
    }
    return tensor.toFloats();
  }

  /**
   * Finds where a loss or gradient stopped being finite: runs forward again, node by node, and then
   * looks at the gradients of the last step. Running statistics move on once more, so this is for a
   * run that stops here.
   *
   * @return such as {@code the output of layer1.0.conv1}, or {@code the gradient of fc.weight}
   */
  public String locateNonFinite() {
    for (Step step : forward) {
      for (Node node : step.group.nodes()) {
        for (Parameter p : node.parameters()) {
          if (isRead(p.role(), step.group.spec()) && !Finite.all(model.get(p.name()))) {
            return "the parameter " + p.name();
          }
        }
      }
      step.op.forward();
      if (!Finite.all(values.get(step.group.y()).toFloats())) {
        return "the output of " + step.group.name();
      }
    }
    return model.nonFiniteGradient().map(name -> "the gradient of " + name).orElse("the loss");
  }

  /** Whether forward reads the parameter; batch statistics only write the running ones. */
  private static boolean isRead(Parameter.Role role, OpSpec spec) {
    return switch (role) {
      case RUNNING_MEAN, RUNNING_VAR ->
          !(spec instanceof OpSpec.Norm norm && norm.statistics() == OpSpec.Statistics.BATCH);
      case BATCHES_TRACKED -> false;
      default -> true;
    };
  }

  @Override
  public void close() {
    Closing.closeAll(owned);
    owned.clear();
  }
}
