package org.jresnet.engine;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.OpCall;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Tensor;
import org.jresnet.base.Closing;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model compiled for one pass, batch size and image size: a fixed list of actions over one
 * planned block of memory. Used from one thread. Closing it leaves the model alone.
 */
public final class Executable implements AutoCloseable {
  /** One line of the plan: what computes a group of nodes, and the memory that it asks for. */
  public record PlanLine(
      String name, OpSpec spec, String implementation, long savedBytes, long scratchBytes) {}

  /** A call and the node (or {@code input}, {@code loss}) that it belongs to, with its kind. */
  public record NamedCall(String node, String kind, OpCall call) {}

  /** An op as it will be planned, and the nodes that it computes; the first names it. */
  public record NamedSpec(String name, List<Node> nodes, OpSpec spec) {}

  /** Whether packed weights are those of the parameters; of all executables that share them. */
  private static final class Packing {
    boolean stale = true;
  }

  private static final Logger LOG = LoggerFactory.getLogger(Executable.class);

  private final Model model;
  private final CompileOptions options;
  private final List<AutoCloseable> owned = new ArrayList<>();
  private final List<String> counters = new ArrayList<>();
  private final ByteBuffer staging = Tensor.staging();
  private Plans plans;
  private Schedule schedule;
  private Program program;
  private Keys keys;
  private long memory;
  private Packing packing = new Packing();
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
    return Fusion.groups(Fusion.simplified(graph, options), options, precision).stream()
        .map(Group::named)
        .toList();
  }

  /**
   * Compiles another pass or batch size of the same model into the memory of this executable, where
   * it fits: validation beside training then costs nothing. The two must take turns, and {@link
   * #parametersChanged()} must be called each time before the guest runs, because the host has
   * overwritten its packed weights. The guest must be closed first.
   */
  public Executable compileSharingMemory(CompileOptions guest) {
    return compile(model, guest, Optional.of(this));
  }

  /**
   * Compiles the same inference for another number of images. Where the backend packs weights alike
   * for both, as on a GPU, the two share them and all other memory, and {@link #parametersChanged}
   * of one is for both; elsewhere each has its own. Take the logits of one before you start the
   * other, and close the new one first.
   */
  public Executable forBatch(int count) {
    if (options.pass() != Pass.INFERENCE) {
      throw new IllegalStateException("compiled for training; use compileSharingMemory");
    }
    return compile(model, options.withBatch(count), Optional.of(this));
  }

  private static Executable compile(
      Model model, CompileOptions options, Optional<Executable> host) {
    options.requireExtents();
    Executable executable = new Executable(model, options);
    try {
      executable.build(host);
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

  private void build(Optional<Executable> host) {
    options.watch().requireIn(model.graph(), options.pass());
    Graph graph = Fusion.simplified(model.graph(), options);
    List<Group> groups = Fusion.groups(graph, options, model.precision(), model.backend()::fuses);
    try (Plans made = new Plans(model.backend(), groups)) {
      plans = made;
      // What an inference has packed for itself must stay as it is.
      Optional<Executable> packer = host.filter(e -> e.options.pass() == Pass.INFERENCE);
      Optional<Executable> shared = packer.filter(e -> made.packLike(e.plans));
      shared.ifPresent(e -> packing = e.packing);
      Optional<Buffer> lent = (packer.isEmpty() ? host : shared).map(e -> e.arena);
      keys = own(new Keys(model.backend(), groups));
      Schedule.Groups computing =
          new Schedule.Groups(groups, made, shared.map(e -> e.schedule).orElse(null));
      schedule = new Schedule(graph, model, options, computing, keys);
      MemoryPlan layout = MemoryPlan.of(schedule.actions());
      memory = layout.place();
      arena =
          lent.filter(b -> b.bytes() >= memory)
              .orElseGet(() -> own(ActivationMemory.allocate(model, options, memory)));
      layout.bind(arena);
      LOG.info(
          "{} {}, batch {} of {}x{}: {} groups in {} MB",
          model.graph().name(),
          options.pass(),
          options.batch(),
          options.height(),
          options.width(),
          groups.size(),
          memory >> 20);
      program = own(new Program(model, options, schedule));
      groups.forEach(group -> counters.addAll(group.batchCounters()));
    }
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
    return plans.lines();
  }

  /** Bytes of the planned block of activations, their gradients and scratch memory. */
  public long memoryBytes() {
    return memory;
  }

  /**
   * Says that parameters or running statistics have changed, so that packed weights are made anew.
   */
  public void parametersChanged() {
    packing.stale = true;
  }

  /**
   * Runs forward.
   *
   * @param pixels batch·height·width·channels unsigned bytes, NHWC
   * @return logits {@code [batch, classes]}, row by row
   */
  public float[] infer(byte[] pixels) {
    start(pixels);
    return logits();
  }

  /**
   * Starts {@link #infer}; {@link #logits} waits for it. Between the two a GPU computes while you
   * prepare the next batch and {@link #prefetch} it.
   *
   * @param pixels as for {@link #infer}
   */
  public void start(byte[] pixels) {
    load(pixels);
    if (options.pass() == Pass.INFERENCE && packing.stale) {
      program.prepare();
      packing.stale = false;
    }
    program.forward();
  }

  /**
   * Brings the pixels of the next run to the device, while the last one may still be computed: a
   * copy of 256 images of 224x224 takes the host several milliseconds. Give the next {@link #step},
   * {@link #start} or {@link #infer} this same array and leave its content as it is until then; any
   * other array is brought in anew. The last run can still be looked at, {@link #locateNonFinite}
   * included.
   *
   * @param pixels as for {@link #infer}
   */
  public void prefetch(byte[] pixels) {
    requirePixels(pixels);
    program.prefetch(pixels);
  }

  /** The logits of the last run, {@code [batch, classes]}. */
  public float[] logits() {
    return schedule.logits().tensor().toFloats(staging);
  }

  /**
   * Runs forward, loss and backward: gradients of all parameters that are not frozen are then in
   * the model, running statistics have moved on. The optimizer is not part of it.
   *
   * @param pixels as for {@link #infer}
   * @param labels batch class indices
   * @return mean loss of the batch
   * @throws IllegalArgumentException when the objective takes no labels, or one is not a class
   */
  public double step(byte[] pixels, int[] labels) {
    return loss(start(pixels, labels));
  }

  /**
   * Starts {@link #step(byte[], int[])} without waiting for it. A GPU then has the next step before
   * this one is done, if you ask for the loss only when that has been started.
   *
   * @return number of the run, for {@link #loss} and {@link #correct(long)}
   */
  public long start(byte[] pixels, int[] labels) {
    requireTraining();
    load(pixels);
    program.load(labels);
    return counted(program.step());
  }

  /** Waits for the loss of one of the last two runs. */
  public double loss(long run) {
    return program.loss(run);
  }

  /** Waits for the number of correct predictions in one of the last two runs. */
  public int correct(long run) {
    return program.correct(run);
  }

  /**
   * The same for an objective that takes values instead of labels: targets, or a seed that backward
   * starts with.
   *
   * @param values {@code [batch, outputs]}, row by row
   * @return the loss, see {@link org.jresnet.loss.Objective}
   * @throws IllegalArgumentException when the objective takes labels, or needs another number
   */
  public double step(byte[] pixels, float[] values) {
    return loss(start(pixels, values));
  }

  /** Starts {@link #step(byte[], float[])} without waiting for it. */
  public long start(byte[] pixels, float[] values) {
    requireTraining();
    load(pixels);
    program.load(values);
    return counted(program.step());
  }

  /**
   * Runs loss and backward for the last {@link #infer}, which together make a step: for a loss of
   * your own, whose gradient you compute from the logits ({@link org.jresnet.loss.Objective.Seed}).
   *
   * @param values as for {@link #step(byte[], float[])}
   */
  public double backward(float[] values) {
    requireTraining();
    program.load(values);
    return loss(counted(program.backward()));
  }

  private void requireTraining() {
    if (options.pass() != Pass.TRAINING) {
      throw new IllegalStateException("compiled for inference; a step needs Pass.TRAINING");
    }
  }

  private long counted(long run) {
    for (String counter : counters) {
      model.countBatch(counter);
    }
    return run;
  }

  /**
   * Says what the random draws of the following steps are: with the same seed and number of the
   * first one, dropout drops the same again. Without this they start at seed 0, step 0.
   */
  public void setDraws(long seed, long number) {
    keys.start(seed, number);
  }

  /** Correct predictions in the last {@link #step(byte[], int[])}. */
  public int correct() {
    return program.correct();
  }

  /**
   * The calls of one run in order, each under its node's name, for profiles; running them all is
   * {@link #infer} or {@link #step} (without the count of batches).
   */
  public List<NamedCall> calls(byte[] pixels, int[] labels) {
    return program.calls(pixels, labels);
  }

  private void requirePixels(byte[] pixels) {
    long expected = schedule.input().elements;
    if (pixels.length < expected) {
      throw new IllegalArgumentException(
          "expected " + expected + " bytes of pixels, found " + pixels.length);
    }
  }

  private void load(byte[] pixels) {
    requirePixels(pixels);
    program.load(pixels);
    keys.next();
  }

  /** A tapped node's output in the last run, NHWC. */
  public float[] tap(String node) {
    return seen(node, options.watch().outputs(), "tapped").toFloats(staging);
  }

  /** The gradient of the loss by a watched node's output in the last step, NHWC. */
  public float[] tapGradient(String node) {
    seen(node, options.watch().gradients(), "watched for its gradient");
    return schedule.gradient(node).tensor().toFloats(staging);
  }

  private Tensor seen(String node, Set<String> nodes, String how) {
    if (!nodes.contains(node)) {
      throw new IllegalArgumentException(
          node + " was not " + how + " at compile time; taps: " + nodes);
    }
    return schedule.output(node).tensor();
  }

  /**
   * Finds where a loss or gradient stopped being finite: runs the last step once more, action by
   * action, and looks at what each one reads and writes. Running statistics move on once more, so
   * this is for a run that stops here.
   *
   * @return such as {@code the output of layer1.0.conv1}, or {@code the gradient of fc.weight}
   */
  public String locateNonFinite() {
    // Gradients may be the sums of several batches, which a run overwrites.
    return program
        .locateNonFinite(
            options.pass() == Pass.TRAINING ? model.nonFiniteGradient() : Optional.empty())
        .what();
  }

  /**
   * The same for an earlier step, while the parameters are still those that it had. Where norms add
   * up over ranks, every rank must ask.
   *
   * @param number of its random draws, of the seed that {@link #setDraws} gave
   * @param element of the gradients that was not finite then; -1 to look at those of now
   */
  public NonFinite locateNonFinite(byte[] pixels, int[] labels, long number, long element) {
    program.again(pixels, labels);
    keys.again(number);
    return program.locateNonFinite(
        element < 0 ? model.nonFiniteGradient() : model.parameterAt(element));
  }

  @Override
  public void close() {
    Closing.closeAll(owned);
    owned.clear();
  }
}
