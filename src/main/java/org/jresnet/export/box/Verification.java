package org.jresnet.export.box;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.base.Digests;
import org.jresnet.base.Npy;
import org.jresnet.base.ProcessMemory;
import org.jresnet.base.Quantile;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Backends;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.export.box.BoxManifest.BoxModel;
import org.jresnet.train.Classifier;
import org.jresnet.train.Evaluator;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;

/** Whether a box is as it was made, and computes what it computed then. */
public final class Verification {
  /** Runs on the machine of the box, the last of which are timed. */
  private static final int WARM_UP = 3;

  private final Path box;
  private final BoxManifest manifest;

  /**
   * What the golden inputs say of a model.
   *
   * @param model form and precision
   * @param images golden inputs
   * @param difference largest difference of a logit from that of when the box was made
   * @param same inputs with the same class
   */
  public record Result(BoxModel model, int images, double difference, int same) {
    /** Whether the model computes what it did. */
    public boolean good() {
      return difference <= model.tolerance() && same == images;
    }
  }

  /**
   * How fast a model is.
   *
   * @param precision of the computation
   * @param runs that were timed
   * @param median milliseconds for an image, from pixels to logits
   * @param p95 milliseconds that 95 % of the runs stay below
   * @param megabytes of memory that the process held at most
   */
  public record Timing(String precision, int runs, double median, double p95, long megabytes) {}

  private Verification(Path box, BoxManifest manifest) {
    this.box = box;
    this.manifest = manifest;
  }

  /**
   * Opens an unpacked box.
   *
   * @throws UserError when it has no manifest, or a damaged one
   */
  public static Verification of(Path box) {
    if (!Files.isDirectory(box)) {
      throw new UserError(
          Text.format(
              "%s is no folder; unpack the box first: tar -xf BOX, then name its folder", box));
    }
    return new Verification(box, BoxManifest.of(box));
  }

  /** What the box says of itself. */
  public BoxManifest manifest() {
    return manifest;
  }

  /** Files that are missing or are not as they were made, with what is wrong. */
  public Map<String, String> files() {
    Map<String, String> wrong = new TreeMap<>();
    manifest
        .files()
        .forEach(
            (name, hash) -> {
              Path file = file(name);
              if (!Files.isRegularFile(file)) {
                wrong.put(name, "is missing");
              } else if (!Digests.ofFile(file, "the file", () -> false).equals(hash)) {
                wrong.put(name, "is not as it was made");
              }
            });
    return wrong;
  }

  /** The models that jresnet itself runs. */
  public List<BoxModel> models() {
    return manifest.models().stream().filter(m -> m.runner().equals(BoxFiles.JRESNET)).toList();
  }

  /** Why this machine cannot compute in a precision; empty if it can. */
  public static Optional<String> impossible(Precision precision) {
    try (Backend backend = Backends.open(BackendKind.CPU.id())) {
      return backend.supports(precision) instanceof Support.No no
          ? Optional.of(no.reason())
          : Optional.empty();
    }
  }

  /** Computes the golden inputs. */
  public Result run(BoxModel model) {
    Npy pixels = Npy.read(file(manifest.golden().pixels()));
    Npy logits = Npy.read(file(model.logits()));
    LoadedModel loaded = ModelFiles.open(file(model.file()), Optional.empty());
    int classes = loaded.info().classes().size();
    int side = loaded.preprocess().size();
    int images = pixels.shape().isEmpty() ? 0 : pixels.shape().get(0);
    require(model.logits(), logits, Npy.F32, List.of(images, classes));
    require(manifest.golden().pixels(), pixels, Npy.U8, List.of(images, side, side, 3));
    float[] expected = logits.floats();
    float[] found = logits(loaded, Precision.of(model.precision()), pixels.bytes(), images);
    double difference = 0;
    int same = 0;
    for (int i = 0; i < images; i++) {
      int at = i * classes;
      boolean agree = Evaluator.best(expected, at, classes) == Evaluator.best(found, at, classes);
      same += agree ? 1 : 0;
      for (int k = i * classes; k < (i + 1) * classes; k++) {
        difference = Math.max(difference, Math.abs((double) expected[k] - found[k]));
      }
    }
    return new Result(model, images, difference, same);
  }

  /** The logits of inputs, one at a time, as a board would compute them. */
  static float[] logits(LoadedModel loaded, Precision precision, byte[] pixels, int images) {
    float[] all = new float[images * loaded.info().classes().size()];
    try (Compute compute = Compute.open(BackendKind.CPU, precision);
        Classifier classifier = Classifier.open(loaded, compute, note -> {});
        Executable executable = classifier.compile(1)) {
      int bytes = pixels.length / images;
      for (int i = 0; i < images; i++) {
        float[] logits = executable.infer(Arrays.copyOfRange(pixels, i * bytes, (i + 1) * bytes));
        System.arraycopy(logits, 0, all, i * logits.length, logits.length);
      }
    }
    return all;
  }

  /** Times a model on the first golden input for so many seconds. */
  public Timing time(BoxModel model, double seconds) {
    Npy pixels = Npy.read(file(manifest.golden().pixels()));
    LoadedModel loaded = ModelFiles.open(file(model.file()), Optional.empty());
    Precision precision = Precision.of(model.precision());
    byte[] first = Arrays.copyOf(pixels.bytes(), pixels.bytes().length / pixels.shape().get(0));
    List<Double> millis = new ArrayList<>();
    try (Compute compute = Compute.open(BackendKind.CPU, precision);
        Classifier classifier = Classifier.open(loaded, compute, note -> {});
        Executable executable = classifier.compile(1)) {
      long end = System.nanoTime() + (long) (seconds * 1e9);
      for (int i = 0; i < WARM_UP || System.nanoTime() < end; i++) {
        long start = System.nanoTime();
        executable.infer(first);
        if (i >= WARM_UP) {
          millis.add((System.nanoTime() - start) / 1e6);
        }
      }
    }
    double[] times = millis.stream().mapToDouble(Double::doubleValue).toArray();
    return new Timing(
        model.precision(),
        times.length,
        Quantile.of(times, 0.5),
        Quantile.of(times, 0.95),
        ProcessMemory.peakBytes() >> 20);
  }

  private void require(String name, Npy array, String type, List<Integer> shape) {
    if (shape.get(0) < 1 || !array.type().equals(type) || !array.shape().equals(shape)) {
      throw new UserError(
          Text.format(
              "%s: expected an array %s of %s with at least one image, found %s of %s",
              file(name), shape, type, array.shape(), array.type()));
    }
  }

  /** A file of the box; names that lead out of it are refused. */
  private Path file(String name) {
    Path root = box.toAbsolutePath().normalize();
    Path file = root.resolve(name).normalize();
    if (!file.startsWith(root)) {
      throw new UserError(
          Text.format("%s names the file '%s', which is not in the box", BoxManifest.FILE, name));
    }
    return file;
  }
}
