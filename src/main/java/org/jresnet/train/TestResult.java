package org.jresnet.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Csv;
import org.jresnet.base.Json;
import org.jresnet.metrics.BinaryScores;
import org.jresnet.metrics.ConfusionMatrix;
import org.jresnet.metrics.Interval;

/**
 * An evaluation as files: {@code test.json} with all metrics and their intervals, {@code
 * test-predictions.csv} with every image, its hash and its probabilities.
 */
public final class TestResult {
  /** From this probability on the positive of two classes is called. */
  private static final double THRESHOLD = 0.5;

  private TestResult() {}

  /**
   * All metrics of an evaluation, ready for JSON; those that are undefined for lack of images are
   * left out. A metric {@code x} has its 95 % interval beside it as {@code x_interval}.
   */
  public static Map<String, Object> metrics(Evaluation e) {
    ConfusionMatrix confusion = e.confusion();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("accuracy", confusion.accuracy().share());
    values.put("accuracy_interval", ends(confusion.accuracy().interval()));
    values.put("loss", e.loss());
    values.put("images", e.images());
    Map<String, Object> perClass = new LinkedHashMap<>();
    Map<String, Object> intervals = new LinkedHashMap<>();
    for (int k = 0; k < e.classes().size(); k++) {
      if (confusion.total(k) > 0) {
        perClass.put(e.classes().get(k), confusion.accuracy(k).share());
        intervals.put(e.classes().get(k), ends(confusion.accuracy(k).interval()));
      }
    }
    values.put("class_accuracy", perClass);
    values.put("class_accuracy_interval", intervals);
    values.put("classes", e.classes());
    values.put("confusion", confusion.counts());
    if (e.classes().size() == 2) {
      values.put("positive", e.classes().get(e.positive()));
      values.put("threshold", THRESHOLD);
    }
    e.binary()
        .ifPresent(
            b -> {
              values.put("auc", b.auc());
              values.put("eer", b.eer());
              values.put("average_precision", b.averagePrecision());
              for (int k = 0; k < BinaryScores.RATES.size(); k++) {
                String key = "tpr_at_fpr_" + BinaryScores.RATES.get(k);
                b.hitRates().get(k).ifPresent(rate -> values.put(key, rate));
              }
            });
    e.intervals()
        .ifPresent(
            i -> {
              values.put("auc_interval", ends(Optional.of(i.auc())));
              values.put("eer_interval", ends(Optional.of(i.eer())));
              values.put("average_precision_interval", ends(i.averagePrecision()));
              for (int k = 0; k < BinaryScores.RATES.size(); k++) {
                String key = "tpr_at_fpr_" + BinaryScores.RATES.get(k) + "_interval";
                i.hitRates().get(k).ifPresent(rate -> values.put(key, ends(Optional.of(rate))));
              }
            });
    return values;
  }

  /** Low and high end; empty where there is none. */
  private static List<Double> ends(Optional<Interval> interval) {
    return interval.map(i -> List.of(i.low(), i.high())).orElse(List.of());
  }

  /**
   * One record per image: file, class, predicted class, probabilities, and the SHA-256 of the file
   * if there are hashes by id.
   */
  static List<List<String>> predictions(Evaluation e, Map<String, String> hashes) {
    List<String> header = new ArrayList<>(List.of("file", "class", "predicted"));
    e.classes().forEach(name -> header.add("p(" + name + ")"));
    if (!hashes.isEmpty()) {
      header.add("sha256");
    }
    List<List<String>> records = new ArrayList<>(List.of(header));
    for (Scored s : e.scored()) {
      List<String> row = new ArrayList<>();
      row.add(s.sample().id());
      row.add(e.classes().get(s.sample().label()));
      row.add(e.classes().get(s.predicted()));
      for (double p : s.probabilities()) {
        row.add(Double.toString(p));
      }
      if (!hashes.isEmpty()) {
        row.add(hashes.getOrDefault(s.sample().id(), ""));
      }
      records.add(row);
    }
    return records;
  }

  /**
   * Writes a JSON object, whole or not at all.
   *
   * @param binding what the result belongs to, written before the metrics
   */
  static void write(Path file, Map<String, ?> binding, Evaluation e) {
    Map<String, Object> values = new LinkedHashMap<>(binding);
    values.putAll(metrics(e));
    values.put("left_out", new TreeMap<>(e.badImages()));
    AtomicFile.write(file, Json.pretty(values));
  }

  /** Writes the predictions, whole or not at all; {@code hashes} by id may be empty. */
  public static void writePredictions(Path file, Evaluation e, Map<String, String> hashes) {
    Csv.write(file, predictions(e, hashes));
  }
}
