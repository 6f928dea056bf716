package org.jresnet.inspect;

import java.nio.DoubleBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jresnet.base.Json;
import org.jresnet.base.Nearest;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.SafetensorsFile;

/**
 * One step of a network with everything that it computed, read from the safetensors file that
 * {@link StepRecorder} writes. Tensors are mapped into memory when they are asked for. May be used
 * by several threads.
 *
 * <p>Activations are NHWC, parameters in torch's order. {@code input} are the bytes of the images,
 * {@code output/input} what normalisation makes of them.
 */
public final class Recording implements AutoCloseable {
  /** The images as the network takes them: unsigned bytes {@code [n, h, w, 3]}. */
  public static final String INPUT = "input";

  /** The true classes {@code [n]}, whole numbers; always there in a training step. */
  public static final String LABELS = "labels";

  /** The network's outputs {@code [n, classes]}. */
  public static final String LOGITS = "logits";

  /** A row for each tensor of floating-point numbers, see {@link TensorStatistics}. */
  static final String STATISTICS = "statistics";

  /** Where {@link StepFacts} stand among the metadata. */
  static final String FACTS = "jresnet.recording";

  /** Where the form of recordings stands among the metadata. */
  static final String FORM = "jresnet.recording.version";

  /** The form that this version of jresnet reads and writes. */
  static final String VERSION = "1";

  private static final String WHAT = "the recording";

  private final Path path;
  private final SafetensorsFile file;
  private final StepFacts facts;
  private final List<String> tensors;
  private final Map<String, Integer> rows = new HashMap<>();
  private final Map<String, HostTensor> mapped = new ConcurrentHashMap<>();

  private Recording(Path path, SafetensorsFile file) {
    this.path = path;
    this.file = file;
    String text = file.metadata().get(FACTS);
    String version = file.metadata().get(FORM);
    if (text == null || version == null) {
      throw new UserError(
          Text.format(
              "%s is a safetensors file, but no recording of a step; make one with: jresnet record"
                  + " MODEL IMAGE --out FILE",
              path));
    }
    if (!version.equals(VERSION)) {
      throw new UserError(
          Text.format(
              "%s is a recording of version %s, this jresnet reads version %s; read it with the"
                  + " jresnet that wrote it, or record the step anew",
              path, Text.visible(version), VERSION));
    }
    facts = Json.parse(path + ": " + FACTS, text, StepFacts.class);
    tensors = file.names().stream().filter(name -> !name.equals(STATISTICS)).toList();
    requireSound();
  }

  /**
   * Opens a recording.
   *
   * @throws UserError when it is truncated, of another version, or no recording
   */
  public static Recording open(Path path) {
    SafetensorsFile file = SafetensorsFile.open(path, WHAT);
    try {
      return new Recording(path, file);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private void requireSound() {
    require(INPUT, DType.U8, 4);
    long images = file.shape(INPUT).get(0);
    if (facts.images().size() != images) {
      throw damaged(
          Text.format("it names %s images, %s has %s", facts.images().size(), INPUT, images));
    }
    if (facts.training() || file.has(LABELS)) {
      require(LABELS, DType.I64, 1);
      if (file.shape(LABELS).get(0) != images) {
        throw damaged(
            Text.format("%s has %s values for %s images", LABELS, file.shape(LABELS), images));
      }
    }
    for (String name : tensors) {
      if (name.equals(INPUT) || name.equals(LABELS)) {
        continue;
      }
      rows.put(name, rows.size());
      if (file.type(name) != DType.F32 && file.type(name) != DType.F16) {
        throw damaged(
            Text.format("%s has the type %s, expected F32 or F16", name, file.type(name)));
      }
    }
    require(STATISTICS, DType.F64, 2);
    List<Long> table = List.of((long) rows.size(), (long) TensorStatistics.ROW);
    if (!file.shape(STATISTICS).equals(table)) {
      throw damaged(
          Text.format(
              "%s has the shape %s, expected %s", STATISTICS, file.shape(STATISTICS), table));
    }
  }

  private void require(String name, DType type, int rank) {
    if (!file.has(name) || file.type(name) != type || file.shape(name).size() != rank) {
      throw damaged(
          Text.format(
              "expected %s as %s with %s extents, found %s",
              name,
              type,
              rank,
              file.has(name) ? file.type(name) + " " + file.shape(name) : "no such tensor"));
    }
  }

  UserError damaged(String how) {
    return new UserError(
        Text.format("%s is damaged: %s; record the step anew with jresnet record", path, how));
  }

  /** Where it lies. */
  public Path path() {
    return path;
  }

  /** What it says of its step. */
  public StepFacts facts() {
    return facts;
  }

  /** Architecture, width, classes and input normalisation. */
  public ModelInfo network() {
    return facts.network();
  }

  /** The network. */
  public Graph graph() {
    return ModelFiles.graph(facts.network());
  }

  /** Names of all tensors, in the order of the step. */
  public List<String> tensors() {
    return tensors;
  }

  /** Whether a tensor was recorded. */
  public boolean has(String name) {
    return file.has(name);
  }

  /**
   * Extents of a tensor.
   *
   * @throws UserError when there is none of that name, offering the nearest names
   */
  public List<Long> shape(String name) {
    requireKnown(name);
    return file.shape(name);
  }

  /**
   * A tensor, mapped into memory. The same each time, so its pages are read once.
   *
   * @throws UserError as {@link #shape}
   */
  public HostTensor tensor(String name) {
    requireKnown(name);
    return mapped.computeIfAbsent(name, file::tensor);
  }

  /**
   * All values of a tensor, as an array of your own.
   *
   * @throws UserError as {@link #shape}
   */
  public float[] values(String name) {
    return tensor(name).toFloats();
  }

  /**
   * What the values of a tensor look like, as it was written.
   *
   * @throws UserError as {@link #shape}, and for {@link #INPUT} and {@link #LABELS}
   */
  public TensorStatistics statistics(String name) {
    requireKnown(name);
    Integer row = rows.get(name);
    if (row == null) {
      throw new UserError(Text.format("%s holds whole numbers and has no statistics", name));
    }
    DoubleBuffer numbers = tensor(STATISTICS).data().asDoubleBuffer();
    return TensorStatistics.of(numbers.position(row * TensorStatistics.ROW));
  }

  private void requireKnown(String name) {
    if (!file.has(name)) {
      throw new UserError(
          Text.format(
              "%s has no tensor '%s'; near are %s",
              path, name, String.join(", ", Nearest.names(name, tensors))));
    }
  }

  /** Labels of the images, or an empty array. */
  public int[] labels() {
    if (!file.has(LABELS)) {
      return new int[0];
    }
    int classes = facts.network().classes().size();
    float[] values = values(LABELS);
    int[] labels = new int[values.length];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = (int) values[i];
      if (labels[i] < 0 || labels[i] >= classes) {
        throw damaged(Text.format("label %s is not one of %s classes", labels[i], classes));
      }
    }
    return labels;
  }

  /** Name of a node's output. */
  public static String output(String node) {
    return "output/" + node;
  }

  /** Name of the gradient of the loss by a node's output. */
  public static String gradient(String node) {
    return "gradient/" + node;
  }

  /** Name of a parameter's values before the step. */
  public static String parameter(String name) {
    return "parameter/" + name;
  }

  /** Name of the gradient of the loss by a parameter. */
  public static String parameterGradient(String name) {
    return "parameter_gradient/" + name;
  }

  /** Name of a parameter's values after the step. */
  public static String parameterAfter(String name) {
    return "parameter_after/" + name;
  }

  /**
   * Name of a parameter's optimizer state after the step.
   *
   * @param index 1 for Adam's m or the momentum of SGD, 2 for Adam's v
   */
  public static String moment(int index, String name) {
    return "moment" + index + "/" + name;
  }

  /** The same before the step; not there where it was zero. */
  public static String momentBefore(int index, String name) {
    return "moment" + index + "_before/" + name;
  }

  /** Name of a running mean or variance before the step. */
  public static String statisticBefore(String name) {
    return "statistic_before/" + name;
  }

  /** Name of a running mean or variance after the step. */
  public static String statisticAfter(String name) {
    return "statistic_after/" + name;
  }

  /** Name of the means over the batch that a norm used, per channel. */
  public static String batchMean(String node) {
    return "batch_mean/" + node;
  }

  /** Name of the biased variances over the batch that a norm used, per channel. */
  public static String batchVariance(String node) {
    return "batch_var/" + node;
  }

  /** Name of the singular values of a filter or matrix, largest first. */
  public static String singularValues(String parameter) {
    return "singular_values/" + parameter;
  }

  @Override
  public void close() {
    file.close();
  }
}
