package org.jresnet.inspect;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.base.Closing;
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
  private final StepContents contents;
  private final List<AutoCloseable> owned = new ArrayList<>();

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
    optimizer = new OptimizerState(model, options.optimizer.rule(), options.frozen);
    owned.add(optimizer);
    contents = new StepContents(model, optimizer, images, options, compile);
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
    List<SafetensorsFile.Planned> all = new ArrayList<>(tensors);
    all.add(statistics(tensors));
    StepFacts facts =
        new StepFacts(
            info,
            options.pass,
            model.precision(),
            model.backend().name(),
            model.backend().description(),
            Version.number(),
            images.names,
            contents.nodes().stream().map(Node::name).toList(),
            options.half,
            loss,
            options.optimizer,
            Math.max(1, optimizer.steps()),
            options.frozen.stream().sorted().toList(),
            options.seed,
            options.draws);
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(Recording.FORM, Recording.VERSION);
    metadata.put(Recording.FACTS, Json.line(facts));
    SafetensorsFile.write(file, all, metadata);
    return loss;
  }

  /** A row for each tensor of floating-point numbers. */
  private static SafetensorsFile.Planned statistics(List<SafetensorsFile.Planned> tensors) {
    List<SafetensorsFile.Planned> floats =
        tensors.stream().filter(t -> t.type() == DType.F32 || t.type() == DType.F16).toList();
    ByteBuffer rows =
        ByteBuffer.allocate(floats.size() * TensorStatistics.ROW * Double.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    DoubleBuffer numbers = rows.asDoubleBuffer();
    for (SafetensorsFile.Planned tensor : floats) {
      HostTensor values = new HostTensor(tensor.type(), tensor.shape(), tensor.data().get());
      TensorStatistics.of(values.toFloats()).into(numbers);
    }
    return new SafetensorsFile.Planned(
        Recording.STATISTICS,
        DType.F64,
        List.of((long) floats.size(), (long) TensorStatistics.ROW),
        () -> rows);
  }

  /** Runs the step; {@link #tensors} are then there. */
  double run() {
    contents.takeBefore();
    Executable executable = Executable.compile(model, compile);
    owned.add(executable);
    contents.of(executable);
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

  /** What the file holds, in its order; after {@link #run} with the values. */
  List<SafetensorsFile.Planned> tensors() {
    return contents.tensors();
  }

  @Override
  public void close() {
    Closing.closeAll(owned);
    owned.clear();
  }
}
