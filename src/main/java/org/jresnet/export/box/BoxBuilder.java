package org.jresnet.export.box;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.io.file.PathUtils;
import org.jresnet.backend.Precision;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Digests;
import org.jresnet.base.Json;
import org.jresnet.base.Npy;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.base.Version;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Batch;
import org.jresnet.data.Loader;
import org.jresnet.data.Sample;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.export.OnnxExport;
import org.jresnet.export.OnnxImport;
import org.jresnet.export.OnnxOptions;
import org.jresnet.export.box.BoxManifest.BoxModel;
import org.jresnet.metrics.Proportion;
import org.jresnet.train.Classifier;
import org.jresnet.train.Evaluation;
import org.jresnet.train.Evaluator;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.Quantizer;
import org.jresnet.train.RunRecord;
import org.jresnet.train.Scored;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;

/** Makes boxes. */
public final class BoxBuilder {
  private static final String LICENCE =
      "jresnet and its libraries: app/LICENSE and the licences in the jars. The weights: as granted"
          + " by whoever made the weights that training started from, and the images.";

  private static final Proportion NOT_MEASURED = new Proportion(0, 0);

  private final Request request;
  private final Listener listener;
  private final Path box;

  /**
   * What goes into a box.
   *
   * @param model as it was trained
   * @param weights file of the model
   * @param source the run or file as the user named it
   * @param run the run's record, if there is one
   * @param calibrating images that ranges for int8 are measured on, where the model has none
   * @param measuring images that accuracies are measured on
   * @param described those images, for people
   * @param target machine
   * @param golden how many of the measuring images become golden inputs
   * @param runtime whether Java and this program come along
   */
  public record Request(
      LoadedModel model,
      Path weights,
      String source,
      Optional<RunRecord> run,
      List<Sample> calibrating,
      List<Sample> measuring,
      String described,
      Target target,
      int golden,
      boolean runtime) {
    /** Copies the lists; there are no more golden inputs than images. */
    public Request {
      golden = Math.min(golden, measuring.size());
      calibrating = List.copyOf(calibrating);
      measuring = List.copyOf(measuring);
    }
  }

  /** Is told how it goes. */
  public interface Listener {
    /** Something that the user should know. */
    void note(String text);

    /** What is done now, and how much of it. */
    void progress(String task, int done, int total);
  }

  private BoxBuilder(Request request, Listener listener, Path box) {
    this.request = request;
    this.listener = listener;
    this.box = box;
  }

  /**
   * Checks the name of an archive.
   *
   * @return the name of the folder in it
   * @throws UserError when it ends in nothing that is known
   */
  public static String requireName(Path archive) {
    return Archive.stem(archive);
  }

  /**
   * Makes a box and proves it, then packs it.
   *
   * @param archive whose name ends in {@code .tar.gz} or {@code .tar.xz}
   * @return what it holds
   * @throws UserError when it cannot be made, or does not compute what it should
   */
  public static BoxManifest build(Request request, Path archive, Listener listener) {
    String root = Archive.stem(archive);
    Path work;
    try {
      work =
          Files.createTempDirectory(
              archive.toAbsolutePath().getParent(), "." + archive.getFileName() + ".");
    } catch (IOException e) {
      throw failed(archive, e);
    }
    Thread interrupted = new Thread(() -> delete(work));
    Runtime.getRuntime().addShutdownHook(interrupted);
    try {
      BoxBuilder builder =
          new BoxBuilder(request, listener, Files.createDirectory(work.resolve(root)));
      BoxManifest manifest = builder.fill();
      if (request.runtime) {
        listener.progress("Proving the box", 0, 1);
        Proof.run(builder.box, request.target);
      }
      // What the proof unpacked is unpacked again where the box runs.
      delete(builder.box.resolve(".cache"));
      listener.progress("Packing", 0, 1);
      Archive.write(archive, builder.box, root);
      return manifest;
    } catch (IOException e) {
      throw failed(archive, e);
    } finally {
      delete(work);
      removeHook(interrupted);
    }
  }

  private static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The program is ending, and the hook runs.
      return;
    }
  }

  private static void delete(Path folder) {
    try {
      PathUtils.deleteDirectory(folder);
    } catch (IOException e) {
      // What is left is hidden, and named after the archive.
      return;
    }
  }

  private static UserError failed(Path archive, IOException e) {
    return new UserError(Text.format("the box %s cannot be made: %s", archive, e), e);
  }

  private BoxManifest fill() throws IOException {
    for (String folder : List.of("models", "golden", "app")) {
      Files.createDirectory(box.resolve(folder));
    }
    LoadedModel model = ranged();
    StateDict packed = HalfWeights.of(model.graph(), model.weights());
    Path file = box.resolve(BoxFiles.MODEL);
    WeightFiles.write(file, packed.withMetadata(model.info().toMetadata()));
    LoadedModel light = ModelFiles.open(file, Optional.empty()).withPreprocess(model.preprocess());
    List<BoxModel> models = models(model, light);
    BoxFiles.write(box, model, models);
    if (request.runtime) {
      listener.progress("Linking Java", 0, 1);
      var foreign = JavaRuntime.link(box.resolve("runtime"));
      if (!foreign.isEmpty()) {
        listener.note(
            Text.format(
                "the Java runtime of %s takes %s from the system, so the box runs only where they"
                    + " are, too. A JDK such as Eclipse Temurin brings its own; set JAVA_HOME to one",
                System.getProperty("java.home"), String.join(", ", foreign)));
      }
      JavaRuntime.program(box.resolve("app"));
    }
    BoxManifest manifest =
        new BoxManifest(
            BoxManifest.FORMAT,
            Version.number(),
            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            request.target.id(),
            request.target.description(),
            provenance(model),
            new BoxManifest.Golden(BoxFiles.PIXELS, request.described, request.described),
            models,
            hashes());
    AtomicFile.write(box.resolve(BoxManifest.FILE), Json.pretty(manifest));
    return manifest;
  }

  private LoadedModel ranged() {
    LoadedModel model = request.model;
    if (!model.info().ranges().isEmpty()) {
      return model;
    }
    int total = request.calibrating.size();
    Map<String, Float> ranges =
        new Quantizer(model, Classifier.EVALUATION_BATCH)
            .ranges(
                request.calibrating, done -> listener.progress("Calibrating int8", done, total));
    return model.withInfo(model.info().withRanges(ranges));
  }

  private List<BoxModel> models(LoadedModel full, LoadedModel light) throws IOException {
    byte[] pixels = pixels(light);
    Evaluation before = evaluate("Measuring fp32 before packing", full, Precision.FP32);
    List<BoxModel> models = new ArrayList<>();
    boolean integers = canMeasureInt8();
    List<Precision> own =
        request.target.int8() && integers
            ? List.of(Precision.FP32, Precision.INT8)
            : List.of(Precision.FP32);
    Map<Precision, Golden> golden = new EnumMap<>(Precision.class);
    for (Precision precision :
        integers ? List.of(Precision.FP32, Precision.INT8) : List.of(Precision.FP32)) {
      golden.put(precision, golden(light, precision, pixels));
    }
    for (Precision precision : own) {
      Evaluation after = evaluate("Measuring " + precision.id(), light, precision);
      models.add(
          model(
              BoxFiles.MODEL,
              BoxFiles.JRESNET,
              precision,
              golden.get(precision),
              right(after),
              same(before, after)));
    }
    for (Precision precision : List.of(Precision.FP16, Precision.INT8)) {
      models.add(onnx(light, precision, before, golden));
    }
    return models;
  }

  private boolean canMeasureInt8() {
    Optional<String> reason = Verification.impossible(Precision.INT8);
    reason.ifPresent(r -> listener.note(Text.format("int8 is packed, but not measured: %s", r)));
    return reason.isEmpty();
  }

  /** Writes an ONNX file, and measures what is read back from it. */
  private BoxModel onnx(
      LoadedModel light, Precision precision, Evaluation before, Map<Precision, Golden> golden)
      throws IOException {
    String name = "models/detector-" + precision.id() + ".onnx";
    Path file = box.resolve(name);
    listener.progress("Writing " + name, 0, 1);
    OnnxOptions options =
        OnnxOptions.DEFAULT.withPrecision(precision).withInput(OnnxOptions.Input.PIXELS);
    boolean reduce = precision == Precision.INT8 && !request.target.int8();
    OnnxExport.write(light, reduce ? options.withReducedRange() : options, file);
    Precision computed = precision == Precision.FP16 ? Precision.FP32 : Precision.INT8;
    Golden logits = golden.getOrDefault(computed, golden.get(Precision.FP32));
    if (!golden.containsKey(computed)) {
      return model(name, BoxFiles.ONNX, precision, logits, NOT_MEASURED, NOT_MEASURED);
    }
    LoadedModel back =
        new LoadedModel(
            file.toString(),
            light.info(),
            OnnxImport.read(file, Optional.empty()),
            light.preprocess());
    Evaluation after = evaluate("Measuring " + name, back, computed);
    return model(name, BoxFiles.ONNX, precision, logits, right(after), same(before, after));
  }

  /** Logits of the golden inputs, and their file. */
  private record Golden(String file, float[] logits) {}

  private Golden golden(LoadedModel light, Precision precision, byte[] pixels) {
    int images = request.golden;
    float[] logits = Verification.logits(light, precision, pixels, images);
    String name = "golden/logits-" + precision.id() + ".npy";
    Npy.of(List.of(images, light.info().classes().size()), logits).write(box.resolve(name));
    return new Golden(name, logits);
  }

  private BoxModel model(
      String file,
      String runner,
      Precision precision,
      Golden golden,
      Proportion right,
      Proportion same)
      throws IOException {
    Tolerance tolerance = Tolerance.of(runner, precision, golden.logits);
    return new BoxModel(
        file,
        runner,
        precision.id(),
        Files.size(box.resolve(file)),
        right.total(),
        right.hits(),
        same.hits(),
        golden.file,
        tolerance.value(),
        tolerance.reason());
  }

  /** The golden inputs, evenly spread over the images that are measured on. */
  private byte[] pixels(LoadedModel model) {
    int count = request.golden;
    List<Sample> samples = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      samples.add(request.measuring.get((int) ((i + 0.5) * request.measuring.size() / count)));
    }
    Loader.Options options =
        new Loader.Options(count, 1, 0, Loader.Order.SEQUENTIAL, Loader.BadImages.STOP);
    try (Loader loader = new Loader(samples, model.preprocess(), Augmentation.NONE, options);
        Loader.Epoch epoch = loader.epoch(0, 0)) {
      Batch batch = epoch.next();
      byte[] pixels = batch.pixels().clone();
      int side = model.preprocess().size();
      Npy.of(List.of(count, side, side, 3), pixels).write(box.resolve(BoxFiles.PIXELS));
      return pixels;
    }
  }

  private Evaluation evaluate(String task, LoadedModel model, Precision precision) {
    int total = request.measuring.size();
    try (Compute compute = Compute.open(BackendKind.CPU, precision);
        Classifier classifier = Classifier.open(model, compute, note -> {})) {
      return classifier.evaluate(
          request.measuring,
          new Evaluator.Labels(model.info().classes(), ""),
          Classifier.EVALUATION_BATCH,
          new Evaluator.LoaderOptions(
              model.preprocess(), Classifier.LOADER_THREADS, Loader.BadImages.STOP),
          done -> listener.progress(task, done, total));
    }
  }

  private static Proportion right(Evaluation e) {
    List<Scored> all = e.scored();
    return new Proportion(
        all.stream().filter(s -> s.predicted() == s.sample().label()).count(), all.size());
  }

  private static Proportion same(Evaluation before, Evaluation after) {
    List<Scored> a = before.scored();
    List<Scored> b = after.scored();
    long same =
        IntStream.range(0, a.size())
            .filter(i -> a.get(i).predicted() == b.get(i).predicted())
            .count();
    return new Proportion(same, a.size());
  }

  private BoxManifest.Provenance provenance(LoadedModel model) {
    return new BoxManifest.Provenance(
        model.info().architecture(),
        request.source,
        Digests.ofFile(request.weights, "the weight file", () -> false),
        request.run.map(RunRecord::weightsHash).orElse(""),
        request.run.map(RunRecord::dataHash).orElse(""),
        LICENCE);
  }

  private Map<String, String> hashes() throws IOException {
    Map<String, String> hashes = new HashMap<>();
    try (Stream<Path> files = Files.walk(box)) {
      for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        hashes.put(box.relativize(file).toString(), Digests.ofFile(file, "the file", () -> false));
      }
    }
    return hashes;
  }
}
