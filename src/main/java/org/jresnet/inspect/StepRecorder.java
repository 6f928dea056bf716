package org.jresnet.inspect;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jresnet.backend.Mode;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.base.Closing;
import org.jresnet.base.Float16;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.base.Version;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.DType;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.SafetensorsFile;

/**
 * Runs one step of a model and keeps everything that it computes, for {@link Recording}. Every
 * number is the engine's own but three: means and variances of a batch, which the fast libraries
 * keep to themselves, singular values, and statistics are computed from the recorded tensors.
 *
 * <p>The loss is plain cross-entropy. A model is changed by its training step: record a copy.
 */
public final class StepRecorder implements AutoCloseable {
  /**
   * The images of the step.
   *
   * @param pixels as {@link Executable#infer} takes them
   * @param size side of the images in pixels
   * @param names of the files, one per image
   * @param labels one per image; may be empty for inference
   */
  public record Images(byte[] pixels, int size, List<String> names, int[] labels) {}

  /**
   * What to do and what to keep.
   *
   * @param pass a training step with its update, or inference
   * @param optimizer update rule and learning rate
   * @param frozen names of parameters that stay as they are
   * @param nodes whose tensors are kept, see {@link NodePatterns}
   * @param half round to half precision what replaying does not start from
   * @param spectra keep the singular values of the residual branches' filters, too
   * @param seed of random draws
   * @param draws number of the first draw
   */
  public record Options(
      Pass pass,
      OptimizerOptions optimizer,
      Set<String> frozen,
      Set<String> nodes,
      boolean half,
      boolean spectra,
      long seed,
      long draws) {
    /** Copies the sets. */
    public Options {
      frozen = Set.copyOf(frozen);
      nodes = Set.copyOf(nodes);
    }
  }

  /** What a file's header and other programs may need beside the tensors. */
  private static final long SPARE = 16L << 20;

  private final Model model;
  private final ModelInfo info;
  private final Images images;
  private final Options options;
  private final CompileOptions compile;
  private final OptimizerState optimizer;
  private final Set<String> norms;
  private final Map<String, float[]> before = new HashMap<>();
  private final List<AutoCloseable> owned = new ArrayList<>();
  private Executable executable;
  private boolean carried;

  /**
   * Plans a step; nothing is computed yet.
   *
   * @param model with its parameters; stays yours
   * @param info what the recording says of it
   * @throws UserError when the images do not fit the network, or the precision shows nothing
   */
  public StepRecorder(Model model, ModelInfo info, Images images, Options options) {
    if (model.precision() == Precision.INT8) {
      throw new UserError("int8 has no tensors that can be recorded; use fp32 or bf16");
    }
    this.model = model;
    this.info = info.withCalibration("");
    this.images = images;
    this.options = options;
    Set<String> all = model.graph().nodes().stream().map(Node::name).collect(Collectors.toSet());
    // All nodes whatever is kept, so that every recording is of the same computation.
    compile =
        CompileOptions.of(
                options.pass,
                new CompileOptions.Images(
                    images.names.size(), images.size, images.size, ModelFiles.normalization(info)))
            .withFrozen(options.frozen)
            .withWatch(new CompileOptions.Watch(all, training() ? all : Set.of(), List.of()));
    norms =
        Executable.specs(model.graph(), compile, model.precision()).stream()
            .filter(group -> group.spec().mode() == Mode.TRAIN)
            .flatMap(group -> group.nodes().stream())
            .filter(node -> has(node, Parameter.Role.RUNNING_MEAN))
            .map(Node::name)
            .collect(Collectors.toSet());
    optimizer = new OptimizerState(model, options.optimizer.rule(), options.frozen);
    owned.add(optimizer);
  }

  private static boolean has(Node node, Parameter.Role role) {
    return node.parameters().stream().anyMatch(p -> p.role() == role);
  }

  private boolean training() {
    return options.pass == Pass.TRAINING;
  }

  /** The optimizer, whose state and number of steps you may set before the step. */
  public OptimizerState optimizer() {
    return optimizer;
  }

  /** Bytes of all tensors; the header of the file comes on top. */
  public long bytes() {
    return tensors().stream().mapToLong(SafetensorsFile.Planned::bytes).sum();
  }

  /**
   * Refuses a file that does not fit.
   *
   * @throws UserError with both numbers
   */
  public void requireRoom(Path file) {
    Path folder = file.toAbsolutePath().getParent();
    try {
      requireRoom(file, bytes() + SPARE, Files.getFileStore(folder).getUsableSpace());
    } catch (IOException e) {
      throw new UserError(
          Text.format("the disk of %s does not say how full it is: %s", file, e), e);
    }
  }

  static void requireRoom(Path file, long needed, long usable) {
    if (needed > usable) {
      throw new UserError(
          Text.format(
              "%s needs %s MB, its disk has %s MB left; record fewer --nodes, add --half, take"
                  + " fewer images, or name a file on another disk",
              file, needed >> 20, usable >> 20));
    }
  }

  /**
   * Runs the step and writes the recording atomically.
   *
   * @return the loss; 0 for inference
   * @throws UserError when the loss is not finite, or the file cannot be written
   */
  public double write(Path file) {
    requireRoom(file);
    double loss = run();
    List<SafetensorsFile.Planned> tensors = tensors();
    Map<String, TensorStatistics> statistics = new LinkedHashMap<>();
    for (SafetensorsFile.Planned tensor : tensors) {
      if (tensor.type() == DType.F32 || tensor.type() == DType.F16) {
        HostTensor values = new HostTensor(tensor.type(), tensor.shape(), tensor.data().get());
        statistics.put(tensor.name(), TensorStatistics.of(values.toFloats()));
      }
    }
    StepFacts facts =
        new StepFacts(
            info,
            options.pass,
            model.precision(),
            model.backend().name(),
            model.backend().description(),
            Version.number(),
            images.names,
            keptNodes().stream().map(Node::name).toList(),
            options.half,
            loss,
            options.optimizer,
            Math.max(1, optimizer.steps()),
            options.frozen.stream().sorted().toList(),
            options.seed,
            options.draws,
            statistics);
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(Recording.FORM, Recording.VERSION);
    metadata.put(Recording.FACTS, Json.line(facts));
    SafetensorsFile.write(file, tensors, metadata);
    return loss;
  }

  /** Runs the step; {@link #tensors} are then there. */
  double run() {
    for (Parameter p : model.graph().parameters()) {
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        continue;
      }
      boolean trains = p.role().trainable();
      before.put(
          trains ? Recording.parameter(p.name()) : Recording.statisticBefore(p.name()),
          model.get(p.name()));
      for (int i = 0; trains && i < optimizer.rule().states() && optimizer.steps() > 0; i++) {
        before.put(
            Recording.momentBefore(i + 1, p.name()), optimizer.state(i, p.name()).toFloats());
      }
    }
    carried = optimizer.steps() > 0;
    executable = Executable.compile(model, compile);
    owned.add(executable);
    executable.setDraws(options.seed, options.draws);
    if (!training()) {
      executable.infer(images.pixels);
      return 0;
    }
    double loss = executable.step(images.pixels, images.labels);
    if (!Double.isFinite(loss)) {
      throw new UserError(
          Text.format(
              "the step cannot be recorded: %s is not finite", executable.locateNonFinite()));
    }
    optimizer.step(options.optimizer.learningRate(), 1);
    return loss;
  }

  /** The nodes whose tensors are kept, in the order of the network. */
  private List<Node> keptNodes() {
    return model.graph().nodes().stream().filter(n -> options.nodes.contains(n.name())).toList();
  }

  /** What the file holds, in its order; after {@link #run} with the values. */
  List<SafetensorsFile.Planned> tensors() {
    List<SafetensorsFile.Planned> all = new ArrayList<>();
    long n = images.names.size();
    all.add(
        new SafetensorsFile.Planned(
            Recording.INPUT,
            DType.U8,
            List.of(n, (long) images.size, (long) images.size, (long) model.graph().channels()),
            () -> ByteBuffer.wrap(images.pixels)));
    if (images.labels.length > 0) {
      long[] labels = Arrays.stream(images.labels).asLongStream().toArray();
      all.add(
          new SafetensorsFile.Planned(
              Recording.LABELS,
              DType.I64,
              List.of(n),
              () -> HostTensor.ofLongs(List.of(n), labels).data()));
    }
    addBefore(all);
    addForward(all);
    if (training()) {
      addBackward(all);
      keptNodes().forEach(node -> addAfter(all, node));
    }
    if (options.spectra) {
      ResidualBranches.filters(model.graph()).forEach(p -> addSpectrum(all, p));
    }
    return all;
  }

  private void addBefore(List<SafetensorsFile.Planned> all) {
    boolean moments = executable == null ? optimizer.steps() > 0 : carried;
    for (Parameter p : model.graph().parameters()) {
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        continue;
      }
      boolean trains = p.role().trainable();
      all.add(
          exact(trains ? Recording.parameter(p.name()) : Recording.statisticBefore(p.name()), p));
      for (int i = 0; trains && moments && i < optimizer.rule().states(); i++) {
        all.add(exact(Recording.momentBefore(i + 1, p.name()), p));
      }
    }
  }

  /** What a step starts from is never rounded: replaying needs it. */
  private SafetensorsFile.Planned exact(String name, Parameter p) {
    List<Long> shape = shape(p);
    return new SafetensorsFile.Planned(
        name, DType.F32, shape, () -> HostTensor.ofFloats(shape, before.get(name)).data());
  }

  private static List<Long> shape(Parameter p) {
    return p.shape().stream().map(Integer::longValue).toList();
  }

  private void addForward(List<SafetensorsFile.Planned> all) {
    List<Shape> shapes = model.graph().shapes(images.names.size(), images.size, images.size);
    for (Node node : keptNodes()) {
      all.add(
          rounded(
              Recording.output(node.name()),
              shape(shapes.get(node.index())),
              () -> executable.tap(node.name())));
      if (norms.contains(node.name())) {
        String x = model.graph().nodes().get(node.inputs().get(0)).name();
        int channels = shapes.get(node.index()).c();
        List<Long> shape = List.of((long) channels);
        all.add(
            rounded(
                Recording.batchMean(node.name()),
                shape,
                () -> moments(executable.tap(x), channels)[0]));
        all.add(
            rounded(
                Recording.batchVariance(node.name()),
                shape,
                () -> moments(executable.tap(x), channels)[1]));
      }
    }
    long n = images.names.size();
    long outputs = shapes.get(model.graph().output().index()).elements() / n;
    all.add(rounded(Recording.LOGITS, List.of(n, outputs), () -> executable.logits()));
  }

  private static List<Long> shape(Shape s) {
    return List.of((long) s.n(), (long) s.h(), (long) s.w(), (long) s.c());
  }

  /** Mean and biased variance of each channel, summed in double precision. */
  private static float[][] moments(float[] x, int channels) {
    double[] means = new double[channels];
    double[] variances = new double[channels];
    int count = x.length / channels;
    for (int i = 0; i < x.length; i++) {
      means[i % channels] += x[i] / (double) count;
    }
    for (int i = 0; i < x.length; i++) {
      double deviation = x[i] - means[i % channels];
      variances[i % channels] += deviation * deviation / count;
    }
    float[][] moments = new float[2][channels];
    for (int c = 0; c < channels; c++) {
      moments[0][c] = (float) means[c];
      moments[1][c] = (float) variances[c];
    }
    return moments;
  }

  private void addBackward(List<SafetensorsFile.Planned> all) {
    List<Shape> shapes = model.graph().shapes(images.names.size(), images.size, images.size);
    List<Node> kept = keptNodes();
    for (int i = kept.size() - 1; i >= 0; i--) {
      String node = kept.get(i).name();
      all.add(
          rounded(
              Recording.gradient(node),
              shape(shapes.get(kept.get(i).index())),
              () -> executable.tapGradient(node)));
    }
  }

  private void addAfter(List<SafetensorsFile.Planned> all, Node node) {
    for (Parameter p : node.parameters()) {
      String name = p.name();
      if (p.role().trainable() && !options.frozen.contains(name)) {
        all.add(
            rounded(
                Recording.parameterGradient(name),
                shape(p),
                () -> model.gradient(name).toFloats()));
        all.add(rounded(Recording.parameterAfter(name), shape(p), () -> model.get(name)));
        for (int i = 0; i < optimizer.rule().states(); i++) {
          int index = i;
          all.add(
              rounded(
                  Recording.moment(i + 1, name),
                  shape(p),
                  () -> optimizer.state(index, name).toFloats()));
        }
      } else if (norms.contains(node.name()) && isStatistic(p)) {
        all.add(rounded(Recording.statisticAfter(name), shape(p), () -> model.get(name)));
      }
    }
  }

  private static boolean isStatistic(Parameter p) {
    return p.role() == Parameter.Role.RUNNING_MEAN || p.role() == Parameter.Role.RUNNING_VAR;
  }

  private void addSpectrum(List<SafetensorsFile.Planned> all, Parameter p) {
    int rows = p.shape().get(0);
    int columns = p.elements() / rows;
    all.add(
        rounded(
            Recording.singularValues(p.name()),
            List.of((long) Math.min(rows, columns)),
            () -> SingularValues.of(before.get(Recording.parameter(p.name())), rows, columns)));
  }

  private SafetensorsFile.Planned rounded(String name, List<Long> shape, Supplier<float[]> values) {
    return options.half
        ? new SafetensorsFile.Planned(name, DType.F16, shape, () -> halves(values.get()))
        : new SafetensorsFile.Planned(
            name, DType.F32, shape, () -> HostTensor.ofFloats(shape, values.get()).data());
  }

  private static ByteBuffer halves(float[] values) {
    ByteBuffer out =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Short.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (float v : values) {
      out.putShort(Float16.of(v));
    }
    return out.flip();
  }

  @Override
  public void close() {
    Closing.closeAll(owned);
    owned.clear();
  }
}
