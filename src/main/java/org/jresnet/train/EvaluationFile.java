package org.jresnet.train;

import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Csv;
import org.jresnet.base.Digests;
import org.jresnet.base.Json;
import org.jresnet.base.Version;
import org.jresnet.metrics.Calibration;
import org.jresnet.metrics.Interval;
import org.jresnet.metrics.OperatingPoint;
import org.jresnet.metrics.Proportion;

/**
 * An evaluation as files in the run's folder: {@code evaluations/NAME.json}, and {@code
 * NAME-predictions.csv} with what is said of every image.
 *
 * <p>Keys of the JSON file, beside those of {@link EvaluationMetrics#of}:
 *
 * <ul>
 *   <li>{@code name, kind} ({@code test}, {@code folder} or {@code class}), {@code command, time}
 *       (UTC), {@code data} (folder), {@code group} (pattern; empty for none)
 *   <li>{@code environment}: {@code jresnet, java, os, processors, backend, precision,
 *       jpeg_decoder}
 *   <li>{@code model} (path), {@code model_sha256}
 *   <li>{@code left_out}: reason by file
 *   <li>{@code errors}: up to {@value #MOST_ERRORS} wrong verdicts, the surest first: {@code file}
 *       (path), {@code id, true, predicted, probability} (of the predicted class, calibrated)
 *   <li>{@code roc}: up to {@value EvaluationMetrics#MOST_POINTS} points {@code [fpr, tpr, score]}
 *       and {@code det}: {@code [fpr, fnr]}; two classes with images only
 *   <li>{@code calibration}, of models that carry one: {@code error, uncalibrated} and {@code
 *       calibrated} ({@code expected_error, brier, loss, bins}: {@code number, low, high,
 *       confidence, hits, total, accuracy}), {@code positive, points} ({@code name, threshold,
 *       threshold_interval, probability, enough, false_alarms, hits}), {@code covered, several,
 *       none}; shares are {@code hits, total, share, interval}
 *   <li>{@code predictions} (the CSV file's name) and {@code predictions_sha256}
 *   <li>of the test set: {@code test_openings, sealed, missing, changed, best_epoch, epochs} and
 *       hashes of split and data
 * </ul>
 */
public final class EvaluationFile {
  /** Wrong verdicts that are listed. */
  static final int MOST_ERRORS = 20;

  private EvaluationFile() {}

  /**
   * Where an evaluation comes from.
   *
   * @param name of the file, without its extension
   * @param kind {@code test}, {@code folder} or {@code class}
   * @param command that repeats it
   * @param data folder of the images
   * @param group pattern of what belongs together; empty for none
   * @param environment what computed it
   */
  public record Origin(
      String name,
      String kind,
      String command,
      String data,
      String group,
      Environment environment) {}

  /**
   * What computed a result.
   *
   * @param backend its description
   * @param precision of it
   * @param jpegDecoder what decoded JPEG files
   */
  public record Environment(String backend, String precision, String jpegDecoder) {
    /** Of what a classifier computes. */
    public static Environment of(Classifier classifier) {
      return new Environment(
          classifier.model().backend().description(),
          classifier.model().precision().id(),
          classifier.preprocess().decoding().jpeg().id());
    }

    /** For a JSON file, with what else it depends on. */
    public Map<String, Object> values() {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("jresnet", Version.number());
      values.put("java", System.getProperty("java.version"));
      values.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
      values.put("processors", Runtime.getRuntime().availableProcessors());
      values.put("backend", backend);
      values.put("precision", precision);
      values.put("jpeg_decoder", jpegDecoder);
      return values;
    }
  }

  /**
   * Writes {@code evaluations/NAME.json} in the folder of the run that a model belongs to.
   *
   * @param model run folder or best weights; where it belongs to no run, nothing is written
   * @return the file
   */
  public static Optional<Path> write(Path model, Origin origin, Evaluation e) {
    return RunFolder.folderOf(model).map(folder -> write(folder, origin, Map.of(), e, Map.of()));
  }

  /** The same in a run's folder, with more values and hashes of the images by id, if known. */
  static Path write(
      Path folder,
      Origin origin,
      Map<String, ?> binding,
      Evaluation e,
      Map<String, String> hashes) {
    Path predictions = RunFolder.evaluation(folder, origin.name() + "-predictions.csv");
    writePredictions(predictions, e, hashes);
    Path best = folder.resolve(RunFolder.BEST);
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("name", origin.name());
    values.put("kind", origin.kind());
    values.put("command", origin.command());
    values.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    values.put("data", origin.data());
    values.put("group", origin.group());
    values.put("model", best.toString());
    values.put("model_sha256", Digests.ofFile(best, "the weight file", () -> false));
    values.put("environment", origin.environment().values());
    values.put("predictions", predictions.getFileName().toString());
    values.put("predictions_sha256", Digests.ofFile(predictions, "the predictions", () -> false));
    values.putAll(binding);
    values.putAll(EvaluationMetrics.of(e));
    EvaluationMetrics.curves(e).ifPresent(values::putAll);
    CalibrationMeasure.of(e, CalibrationMeasure.ERROR)
        .ifPresent(m -> values.put("calibration", calibration(e, m)));
    values.put("errors", errors(e));
    values.put("left_out", new TreeMap<>(e.badImages()));
    Path target = RunFolder.evaluation(folder, origin.name() + ".json");
    AtomicFile.write(target, Json.pretty(values));
    return target;
  }

  private static Map<String, Object> calibration(Evaluation e, CalibrationMeasure m) {
    ModelCalibration c = e.calibration().orElseThrow();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("temperature", c.temperature().value());
    values.put("uncalibrated", reliability(m.uncalibrated()));
    values.put("calibrated", reliability(m.calibrated()));
    values.put("positive", c.positive());
    values.put("points", m.points().stream().map(p -> point(c, p)).toList());
    values.put("error", m.error());
    values.put("covered", share(m.covered()));
    values.put("several", share(m.several()));
    values.put("none", share(m.none()));
    return values;
  }

  private static Map<String, Object> reliability(ModelCalibration.Reliability r) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("expected_error", r.expectedError());
    values.put("brier", r.brier());
    values.put("loss", r.loss());
    values.put("bins", r.bins().stream().map(EvaluationFile::bin).toList());
    return values;
  }

  private static Map<String, Object> bin(Calibration.Bin b) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("number", b.number());
    values.put("low", (double) b.number() / Calibration.BINS);
    values.put("high", (b.number() + 1.0) / Calibration.BINS);
    values.put("confidence", b.confidence());
    values.put("hits", b.correct().hits());
    values.put("total", b.correct().total());
    values.put("accuracy", b.correct().share());
    return values;
  }

  private static Map<String, Object> point(ModelCalibration c, OperatingPoint p) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("name", p.name());
    values.put("threshold", p.threshold());
    values.put("threshold_interval", List.of(p.interval().low(), p.interval().high()));
    values.put("probability", c.probability(p.threshold()));
    values.put("enough", p.enough());
    values.put("false_alarms", share(p.falseAlarms()));
    values.put("hits", share(p.hits()));
    return values;
  }

  /** {@code hits, total, share, interval}; the last two are left out where there is no image. */
  public static Map<String, Object> share(Proportion p) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("hits", p.hits());
    values.put("total", p.total());
    if (p.total() > 0) {
      Interval interval = p.interval().orElseThrow();
      values.put("share", p.share());
      values.put("interval", List.of(interval.low(), interval.high()));
    }
    return values;
  }

  /** The surest wrong verdicts. */
  private static List<Map<String, Object>> errors(Evaluation e) {
    record Wrong(Scored image, double probability) {}
    List<Wrong> wrong = new ArrayList<>();
    double[][] probabilities = Evaluation.probabilities(e.scored(), e.temperature());
    for (int i = 0; i < probabilities.length; i++) {
      Scored s = e.scored().get(i);
      if (s.predicted() != s.sample().label()) {
        wrong.add(new Wrong(s, probabilities[i][s.predicted()]));
      }
    }
    return wrong.stream()
        .sorted(Comparator.comparingDouble((Wrong w) -> -w.probability()))
        .limit(MOST_ERRORS)
        .map(
            w -> {
              Map<String, Object> values = new LinkedHashMap<>();
              values.put("file", w.image().sample().file().toAbsolutePath().toString());
              values.put("id", w.image().sample().id());
              values.put("true", e.classes().get(w.image().sample().label()));
              values.put("predicted", e.classes().get(w.image().predicted()));
              values.put("probability", w.probability());
              return values;
            })
        .toList();
  }

  /**
   * Writes one record per image, whole or not at all: file, class, predicted class, probabilities
   * (calibrated where the model is), and the SHA-256 of the file if there are hashes by id.
   */
  public static void writePredictions(Path file, Evaluation e, Map<String, String> hashes) {
    List<String> header = new ArrayList<>(List.of("file", "class", "predicted"));
    e.classes().forEach(name -> header.add("p(" + name + ")"));
    if (!hashes.isEmpty()) {
      header.add("sha256");
    }
    List<List<String>> records = new ArrayList<>(List.of(header));
    double[][] probabilities = Evaluation.probabilities(e.scored(), e.temperature());
    for (int i = 0; i < probabilities.length; i++) {
      Scored s = e.scored().get(i);
      List<String> row = new ArrayList<>();
      row.add(s.sample().id());
      row.add(e.classes().get(s.sample().label()));
      row.add(e.classes().get(s.predicted()));
      for (double p : probabilities[i]) {
        row.add(Double.toString(p));
      }
      if (!hashes.isEmpty()) {
        row.add(hashes.getOrDefault(s.sample().id(), ""));
      }
      records.add(row);
    }
    Csv.write(file, records);
  }
}
