package org.jresnet.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jresnet.base.Csv;
import org.jresnet.base.CsvFile;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.Version;
import org.jresnet.data.Augmentation;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.ImageNotes;
import org.jresnet.data.Part;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;
import org.jresnet.data.shards.PixelForm;
import org.jresnet.detect.ExplanationFolder;
import org.jresnet.detect.Stability;
import org.jresnet.engine.Compute;
import org.jresnet.train.BatchPredictor;
import org.jresnet.train.Classifier;
import org.jresnet.train.Decision;
import org.jresnet.train.FilePredictions;
import org.jresnet.train.JpegDecoders;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.PartRecord;
import org.jresnet.train.PartTable;
import org.jresnet.train.Prediction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet predict}. */
@Command(
    name = "predict",
    sortOptions = false,
    description = "Classifies images; folders are walked.")
final class PredictCommand implements Callable<Integer> {
  private static final int TOP = 5;

  /** Heads that are read before the work begins. */
  private static final int LOOKED_AT = 1000;

  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description = "Run folder, .safetensors or .pth file.")
  private String modelPath;

  @Parameters(
      index = "1..*",
      arity = "1..*",
      paramLabel = "IMAGE",
      description = "Files and folders.")
  private List<String> images;

  @Mixin private ModelOptions modelOptions;

  @Heading("Output")
  @Option(
      names = "--csv",
      paramLabel = "FILE",
      description = "Also write the results to this file.")
  private Path csv;

  @Option(
      names = "--append",
      description = {
        "Go on with the file of --csv, which a stopped or killed run has begun: images in it are"
            + " left out, new ones added as they are done. Name the same model and the same"
            + " --jpeg-decoder."
      })
  private boolean append;

  @Option(
      names = "--shard",
      paramLabel = "K/N",
      description = {
        "Predict part K of N, counted from 1, of the images, into FILE.parts; 'jresnet merge FILE'"
            + " puts the parts together. A part that was stopped is gone on with."
      })
  private String shard;

  @Option(
      names = "--batch",
      paramLabel = "IMAGES",
      defaultValue = "" + Classifier.EVALUATION_BATCH,
      description = "Most images per pass.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(
      names = "--overwrite",
      description = "Replace the files of --csv and --explain if they exist.")
  private boolean overwrite;

  @Option(
      names = "--json",
      description = "Print one JSON object per image; all else goes to standard error.")
  private boolean json;

  @Mixin private JpegOptions jpeg;

  @Mixin private DecisionOptions decisions;

  @Heading("Verdict")
  @Option(
      names = "--stability",
      description = {
        "Also try ten changes that a person hardly sees (re-encodings, slight scaling, blur, noise,"
            + " cropping): range of the probability, and how often the verdict flips. Implies"
            + " --error 0.05 unless you name another."
      })
  private boolean stability;

  @Mixin private ExplainOptions explainOptions;

  @Mixin private BackendOptions backendOptions;

  // Asked for before a backend binds this thread to one processor.
  private final int decoders = Runtime.getRuntime().availableProcessors();

  @Override
  public Integer call() {
    if (append && (csv == null || overwrite)) {
      throw new UsageError(
          "--append goes on with the file of --csv, and does not go with --overwrite");
    }
    if (csv != null) {
      OutputFile.require("--csv", csv, overwrite || append || shard != null);
    }
    Optional<Part> part =
        Optional.ofNullable(shard).map(text -> UsageError.unlessValid(() -> Part.of(text)));
    if (part.isPresent() && (csv == null || append)) {
      throw new UsageError(
          "--shard needs --csv, the table of all parts, and goes on by itself, without --append");
    }
    Console console = new Console(json);
    LoadedModel loaded = jpeg.of(modelOptions.open(modelPath, console));
    Arguments.requireBatchFits(batch, loaded.preprocess().size());
    List<String> header = PredictionRows.header(loaded.info().classes(), stability);
    List<Path> paths = images.stream().map(ImageFolder::expand).toList();
    List<Path> files = ImageFolder.images(paths);
    for (Path path : paths) {
      if (Files.isDirectory(path)) {
        ImageFolder.leftOutBelow(path).note().ifPresent(console::note);
      }
    }
    if (part.isPresent()) {
      return part(console, loaded, Part.inOrder(files), part.get());
    }
    if (csv == null) {
      return predict(console, loaded, files, row -> {});
    }
    if (append) {
      try (CsvFile table = CsvFile.open(csv, header)) {
        List<Path> rest =
            files.stream().filter(file -> !table.keys().contains(file.toString())).toList();
        console.note(
            Text.format(
                "%s of %s are in %s already",
                files.size() - rest.size(), Text.count(files.size(), "image"), csv));
        return rest.isEmpty()
            ? 0
            : predict(console, loaded, rest, row -> table.append(List.of(row)));
      }
    }
    AtomicInteger code = new AtomicInteger();
    Csv.write(
        csv,
        rows -> {
          rows.accept(header);
          code.set(predict(console, loaded, files, rows));
        });
    return code.get();
  }

  private int part(Console console, LoadedModel loaded, List<Path> all, Part part) {
    try (Compute compute = backendOptions.open(console)) {
      PartRecord record =
          PartTable.record(
              part,
              made(JpegDecoders.open(loaded.preprocess(), compute.backend()), compute),
              PredictionRows.header(loaded.info().classes(), stability),
              all);
      List<Path> files = part.of(all);
      try (PartTable table = PartTable.open(csv, record, overwrite).orElse(null)) {
        if (table == null) {
          console.note(Text.format("part %s of %s is complete already", part, csv));
          return 0;
        }
        List<Path> rest =
            files.stream().filter(file -> !table.done().contains(file.toString())).toList();
        console.note(
            Text.format(
                "part %s has %s of %s, %s of them done already",
                part, files.size(), Text.count(all.size(), "image"), files.size() - rest.size()));
        int code = rest.isEmpty() ? 0 : predict(console, loaded, compute, rest, table::append);
        table.complete();
        return code;
      }
    }
  }

  /** What all parts of a table must have in common. */
  private Map<String, String> made(Preprocess input, Compute compute) {
    Decision decision = decisions.decision(stability);
    Map<String, String> made = new LinkedHashMap<>();
    made.put("jresnet", Version.number());
    made.put("model_sha256", ModelFiles.digest(ImageFolder.expand(modelPath)));
    made.put("backend", compute.kind().id());
    made.put("precision", compute.precision().id());
    made.put("batch", String.valueOf(batch));
    made.put("jpeg_decoder", input.decoding().jpeg().id());
    made.put("input", Json.line(input));
    made.put("operating_point", decision.point());
    decision.error().ifPresent(error -> made.put("error", String.valueOf(error)));
    return made;
  }

  private int predict(
      Console console, LoadedModel loaded, List<Path> files, Consumer<List<String>> rows) {
    try (Compute compute = backendOptions.open(console)) {
      return predict(console, loaded, compute, files, rows);
    }
  }

  private int predict(
      Console console,
      LoadedModel loaded,
      Compute compute,
      List<Path> files,
      Consumer<List<String>> rows) {
    Optional<ExplanationFolder> explanations = explainOptions.prepare(files, overwrite);
    note(console, loaded, files);
    Tally tally = new Tally(loaded.info().classes());
    int columns = PredictionRows.header(loaded.info().classes(), stability).size();
    try (Classifier classifier = Classifier.open(loaded, compute, console::note);
        BatchPredictor predictor =
            shard == null
                ? classifier.batches(Math.min(batch, files.size()))
                : classifier.equalBatches(batch);
        ExplainOptions.Session explaining =
            explanations
                .map(into -> explainOptions.open(console, into, loaded, compute))
                .orElse(null)) {
      Decision decision = decisions.decision(stability && classifier.calibration().isPresent());
      decision.require(classifier.calibration(), console::note);
      FilePredictions.each(
          files.iterator(),
          predictor,
          classifier.preprocess(),
          decoders,
          result -> {
            try {
              if (result.failure().isPresent()) {
                throw result.failure().get();
              }
              Prediction p = result.prediction().orElseThrow();
              rows.accept(one(console, classifier, decision, explaining, result.file(), p));
              tally.add(p, decision.verdict(p).label());
            } catch (BadImageException e) {
              tally.addFailed();
              Console.error(e.getMessage());
              rows.accept(PredictionRows.failed(result.file(), columns, e));
            }
            Console.requireOutput();
          });
    }
    tally.print(console);
    if (tally.failed() > 0) {
      Console.error(
          Text.format("%s of %s images could not be classified", tally.failed(), files.size()));
    }
    return tally.failed() == 0 ? 0 : 1;
  }

  /** What is odd about the images; of very many, about the first. */
  private static void note(Console console, LoadedModel loaded, List<Path> files) {
    PixelForm.notes(files, loaded.preprocess(), Augmentation.NONE).forEach(console::note);
    boolean all = files.size() <= LOOKED_AT;
    ImageNotes.read(all ? files : files.subList(0, LOOKED_AT), loaded.preprocess())
        .forEach(text -> console.note(all ? text : "of the first images: " + text));
  }

  /** Prints what is said of an image; its row for the table comes out. */
  private List<String> one(
      Console console,
      Classifier classifier,
      Decision decision,
      ExplainOptions.Session explaining,
      Path file,
      Prediction p)
      throws BadImageException {
    Decision.Verdict verdict = decision.verdict(p);
    print(console, file, p, verdict);
    Map<String, Object> values = PredictionRows.values(file, p, decision.values(p, verdict));
    Optional<Stability> stable =
        stability
            ? Optional.of(stability(console, classifier, file, p, decision))
            : Optional.empty();
    stable.ifPresent(s -> values.put("stability", PredictionRows.values(s)));
    if (explaining != null) {
      values.put("explanation", explaining.explain(file).toString());
    }
    console.object(values);
    return PredictionRows.row(file, p, verdict, stable);
  }

  /** One line per image, and the runners-up where there are many classes. */
  static void print(Console console, Path file, Prediction p, Decision.Verdict verdict) {
    if (verdict.label().equals(Decision.UNSURE)) {
      List<String> set = verdict.set().orElseThrow();
      console.print(
          "%s  unsure  %s (most probable: %s, %.2f %%)",
          file,
          set.isEmpty()
              ? "no class is as likely as usual"
              : set.size() > TOP
                  ? "could be any of " + set.size() + " classes"
                  : "could be " + String.join(" or ", set),
          p.label(),
          100 * p.probability());
    } else {
      console.print("%s  %s  %.2f %%", file, verdict.label(), 100 * verdict.probability());
    }
    if (p.classes().size() > TOP) {
      IntStream.range(0, p.classes().size())
          .boxed()
          .sorted(Comparator.comparingDouble((Integer k) -> -p.probabilities()[k]))
          .limit(TOP)
          .forEach(
              k ->
                  console.print(
                      "    %-24s %6.2f %%", p.classes().get(k), 100 * p.probabilities()[k]));
    }
  }

  /** Tries and shows what mild changes do to a verdict. */
  private static Stability stability(
      Console console, Classifier classifier, Path file, Prediction p, Decision decision)
      throws BadImageException {
    RgbImage image = ImageDecoder.decode(file, classifier.preprocess().decoding());
    Stability s = Stability.of(classifier, image, p, decision::label);
    int flips = s.flips().size();
    console.print(
        "    %s: '%s' in %d of %d mild changes, probability %.2f to %.2f %%%s",
        flips == 0 ? "stable" : "unstable",
        s.label(),
        s.changes().size() - flips,
        s.changes().size(),
        100 * s.lowest(),
        100 * s.highest(),
        flips == 0
            ? ""
            : "; not after "
                + s.flips().stream()
                    .map(c -> c.degradation().kind().id() + " " + c.degradation().text())
                    .collect(Collectors.joining(", ")));
    return s;
  }
}
