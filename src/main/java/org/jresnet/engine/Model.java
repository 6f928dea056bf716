package org.jresnet.engine;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tensor;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Initialization;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;

/**
 * A network with its parameters on a backend: trainable values in one flat arena, running
 * statistics in another, both in the precision's parameter type. Executables of several batch sizes
 * and passes share one model. Owns its memory, not the backend.
 */
public final class Model implements AutoCloseable {
  private final Graph graph;
  private final Backend backend;
  private final Precision precision;
  private final Map<String, Parameter> byName = new LinkedHashMap<>();
  private final Map<String, Range> ranges;
  private final Map<String, AtomicLong> batchesTracked = new LinkedHashMap<>();
  private final Tensor parameters;
  private final Tensor statistics;
  private Tensor gradients;
  private Tensor gradientScale;

  /**
   * Allocates the parameters, all zero; {@link #initialize} or {@link #set} gives them values.
   *
   * @throws UserError if the backend cannot compute in that precision here
   */
  public Model(Graph graph, Backend backend, Precision precision) {
    if (backend.supports(precision) instanceof Support.No no) {
      throw new UserError(
          "backend "
              + backend.name()
              + " cannot compute in "
              + precision.id()
              + " here: "
              + no.reason());
    }
    this.graph = graph;
    this.backend = backend;
    this.precision = precision;
    for (Parameter p : graph.parameters()) {
      byName.put(p.name(), p);
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        batchesTracked.put(p.name(), new AtomicLong());
      }
    }
    Layout layout = Layout.of(graph);
    ranges = layout.ranges();
    parameters = arena("parameters", layout.trainable());
    statistics = arena("running statistics", layout.statistics());
  }

  /** A zeroed arena of the parameter type. */
  Tensor arena(String purpose, long elements) {
    long bytes = elements * precision.parameter().bytes();
    Buffer buffer = backend.allocate(purpose, bytes);
    ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(bytes, 1 << 20));
    for (long at = 0; at < bytes; at += zeros.capacity()) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), bytes - at));
      buffer.write(at, zeros);
    }
    return new Tensor(buffer, 0, precision.parameter(), elements);
  }

  /** The network. */
  public Graph graph() {
    return graph;
  }

  /** Where it lives. */
  public Backend backend() {
    return backend;
  }

  /** Element types of its executables. */
  public Precision precision() {
    return precision;
  }

  /** The flat arena of trainable values; between parameters lie a few zeros. */
  public Tensor parameters() {
    return parameters;
  }

  /**
   * The flat arena of gradients, laid out as {@link #parameters()}; allocated on the first call.
   */
  public Tensor gradients() {
    if (gradients == null) {
      gradients = arena("gradients", parameters.elements());
    }
    return gradients;
  }

  /** The flat arena of running statistics. */
  Tensor statistics() {
    return statistics;
  }

  /**
   * The factor that all gradients carry, one F64, 1 at first: losses multiply by it, {@link
   * OptimizerState#update} divides by it again.
   */
  Tensor gradientScale() {
    if (gradientScale == null) {
      Buffer buffer = backend.allocate("gradient scale", Double.BYTES);
      gradientScale = new Tensor(buffer, 0, DType.F64, 1);
      setGradientScale(1);
    }
    return gradientScale;
  }

  /**
   * Multiplies all gradients of the following steps, but not their loss: half-precision gradients
   * need it. Who updates the parameters with {@link OptimizerState#step} divides by it again.
   */
  public void setGradientScale(double factor) {
    Tensor scale = gradientScale();
    ByteBuffer value = ByteBuffer.allocateDirect(Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    scale.buffer().write(scale.offset(), value.putDouble(0, factor));
  }

  /** The trainable parameter that an element of the arenas belongs to. */
  public Optional<String> parameterAt(long element) {
    return ranges.entrySet().stream()
        .filter(e -> byName.get(e.getKey()).role().trainable())
        .filter(e -> element >= e.getValue().first())
        .filter(e -> element < e.getValue().first() + e.getValue().count())
        .map(Map.Entry::getKey)
        .findFirst();
  }

  /**
   * Where a trainable parameter lies in the arenas of parameters, gradients and optimizer state.
   */
  public Range range(String name) {
    requireKnown(name);
    return ranges.get(name);
  }

  /** View of a parameter or running statistic. */
  public Tensor tensor(String name) {
    Range range = range(name);
    return (byName.get(name).role().trainable() ? parameters : statistics)
        .slice(range.first(), range.count());
  }

  /** View of a trainable parameter's gradient. */
  public Tensor gradient(String name) {
    Range range = range(name);
    return gradients().slice(range.first(), range.count());
  }

  /** A parameter's or running statistic's values in torch's order. */
  public float[] get(String name) {
    return tensor(name).toFloats();
  }

  /**
   * Replaces a parameter's or running statistic's values; executables need {@link
   * Executable#parametersChanged()}.
   */
  public void set(String name, float[] values) {
    tensor(name).set(values);
  }

  /** Training batches seen by a batch norm; {@code name} ends in {@code num_batches_tracked}. */
  public long batchesTracked(String name) {
    requireKnown(name);
    return batchesTracked.get(name).get();
  }

  /** Sets the count of training batches of a batch norm. */
  public void setBatchesTracked(String name, long batches) {
    requireKnown(name);
    batchesTracked.get(name).set(batches);
  }

  /** Counts one more training batch of a batch norm, without allocating. */
  void countBatch(String name) {
    batchesTracked.get(name).incrementAndGet();
  }

  private void requireKnown(String name) {
    if (!byName.containsKey(name)) {
      throw new IllegalArgumentException(graph.name() + " has no parameter named " + name);
    }
  }

  /**
   * How the last layer with weights of each residual branch starts: a batch norm, in a
   * pre-activated block a convolution.
   */
  public enum BlockEnd {
    /** As the rest, a batch norm with weight 1; torchvision's default. */
    ONE,
    /**
     * Weight 0, so that each block starts as the identity (Goyal et al. 2017, arXiv:1706.02677,
     * section 5.1).
     */
    ZERO
  }

  /**
   * torchvision's initialisation: weights and biases as {@link Graph#initialization} says, batch
   * norm weight 1 and bias 0; transposed convolutions uniform in ±1/√fan-in, torch's default;
   * running mean 0, running variance 1, counts 0. Each parameter draws from its own stream of the
   * seed, so a new head does not change the rest.
   *
   * @throws UserError when blocks are to start as the identity in a network without additions
   */
  public void initialize(long seed, BlockEnd blockEnd) {
    for (Parameter p : byName.values()) {
      initialize(p, seed);
    }
    if (blockEnd == BlockEnd.ZERO) {
      List<String> ends = branchEnds();
      if (ends.isEmpty()) {
        throw new UserError(
            "%s has no residual addition, so no block can start as the identity; leave out --zero-init"
                .formatted(graph.name()));
      }
      for (String end : ends) {
        set(end + ".weight", new float[byName.get(end + ".weight").elements()]);
      }
    }
  }

  /** Initialises one parameter as {@link #initialize(long, BlockEnd)} does. */
  public void initialize(String name, long seed) {
    requireKnown(name);
    initialize(byName.get(name), seed);
  }

  private void initialize(Parameter p, long seed) {
    SplittableRandom random =
        new SplittableRandom(seed * 0x9E3779B97F4A7C15L + p.name().hashCode());
    float[] values = new float[p.elements()];
    Initialization how = graph.initialization();
    switch (p.role()) {
      case CONV_WEIGHT -> fill(values, how.filters(), p, random);
      case CONV_BIAS -> fill(values, how.offsets(), p, random);
      case LINEAR_WEIGHT -> fill(values, how.matrices(), p, random);
      case LINEAR_BIAS -> fill(values, how.biases(), p, random);
      case CONV_TRANSPOSE_WEIGHT -> fill(values, Initialization.Rule.FAN_IN_UNIFORM, p, random);
      case NORM_WEIGHT, RUNNING_VAR -> java.util.Arrays.fill(values, 1f);
      case NORM_BIAS, RUNNING_MEAN -> {}
      case BATCHES_TRACKED -> {
        setBatchesTracked(p.name(), 0);
        return;
      }
    }
    set(p.name(), values);
  }

  private void fill(
      float[] values, Initialization.Rule rule, Parameter p, SplittableRandom random) {
    switch (rule) {
      case ZERO -> {}
      case NORMAL_0_01 -> normal(values, 0.01, random);
      case FAN_OUT_NORMAL -> normal(values, Math.sqrt(2.0 / fanOut(p)), random);
      case FAN_OUT_UNIFORM -> uniform(values, fanOut(p), random);
      case FAN_IN_UNIFORM -> uniform(values, fanIn(p), random);
    }
  }

  /** torch's fan-out of a weight: of all but the second extent. */
  private static int fanOut(Parameter p) {
    return p.elements() / p.shape().get(1);
  }

  /**
   * torch's fan-in: of all but the first extent of the weight, whatever that stands for; a bias has
   * that of the weight beside it, which comes first.
   */
  private int fanIn(Parameter p) {
    Parameter weight =
        graph.nodes().stream()
            .map(Node::parameters)
            .filter(parameters -> parameters.contains(p))
            .findFirst()
            .orElseThrow()
            .get(0);
    return weight.elements() / weight.shape().get(0);
  }

  private static void normal(float[] values, double deviation, SplittableRandom random) {
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (deviation * RandomStreams.gaussian(random));
    }
  }

  private static void uniform(float[] values, int fan, SplittableRandom random) {
    double bound = 1 / Math.sqrt(fan);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
    }
  }

  /**
   * Names of the last layers with weights of residual branches. What stands behind one, such as an
   * activation or what drops branches, makes 0 of 0.
   */
  private List<String> branchEnds() {
    List<String> names = new ArrayList<>();
    for (Node addition : graph.additions()) {
      Node end = graph.nodes().get(addition.inputs().get(0));
      while (end.parameters().isEmpty()) {
        end = graph.nodes().get(end.inputs().get(0));
      }
      names.add(end.name());
    }
    return names;
  }

  /**
   * Takes over every parameter, running statistic and count that the other model has under the same
   * name and in the same shape, as after a {@link org.jresnet.graph.Rewrite}. Executables need
   * {@link Executable#parametersChanged()}.
   *
   * @return names of what the other model does not have so and what therefore stays as it is
   */
  public List<String> take(Model other) {
    List<String> left = new ArrayList<>();
    for (Parameter p : byName.values()) {
      if (!p.equals(other.byName.get(p.name()))) {
        left.add(p.name());
      } else if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        setBatchesTracked(p.name(), other.batchesTracked(p.name()));
      } else {
        set(p.name(), other.get(p.name()));
      }
    }
    return left;
  }

  /** Where the first non-finite gradient lies, in backward order; for error texts. */
  Optional<String> nonFiniteGradient() {
    List<Parameter> trainable =
        graph.parameters().stream().filter(p -> p.role().trainable()).toList();
    for (int i = trainable.size() - 1; i >= 0; i--) {
      if (!Finite.all(gradient(trainable.get(i).name()).toFloats())) {
        return Optional.of(trainable.get(i).name());
      }
    }
    return Optional.empty();
  }

  @Override
  public void close() {
    parameters.buffer().close();
    statistics.buffer().close();
    if (gradients != null) {
      gradients.buffer().close();
    }
    if (gradientScale != null) {
      gradientScale.buffer().close();
    }
  }
}
