package org.jresnet.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jresnet.data.BadImageException;
import org.jresnet.detect.Stability;
import org.jresnet.train.Decision;
import org.jresnet.train.Prediction;

/** The table of {@code predict --csv}, and the objects of {@code --json}. */
final class PredictionRows {
  private static final List<String> STABILITY = List.of("flips", "lowest", "highest");

  private PredictionRows() {}

  /** Names of the columns. */
  static List<String> header(List<String> classes, boolean stability) {
    List<String> header = new ArrayList<>(List.of("file", "class", "probability"));
    classes.forEach(c -> header.add("p(" + c + ")"));
    header.addAll(List.of("preprocess_ms", "inference_ms"));
    if (stability) {
      header.addAll(STABILITY);
    }
    header.add("error");
    return header;
  }

  /** The row of a prediction. */
  static List<String> row(
      Path file, Prediction p, Decision.Verdict verdict, Optional<Stability> stability) {
    List<String> row = new ArrayList<>(List.of(file.toString(), verdict.label()));
    row.add(String.valueOf(verdict.probability()));
    Arrays.stream(p.probabilities()).mapToObj(String::valueOf).forEach(row::add);
    row.add(String.format(Locale.ROOT, "%.3f", p.preprocessMillis()));
    row.add(String.format(Locale.ROOT, "%.3f", p.inferenceMillis()));
    stability.ifPresent(
        s -> {
          row.add(String.valueOf(s.flips().size()));
          row.add(String.valueOf(s.lowest()));
          row.add(String.valueOf(s.highest()));
        });
    row.add("");
    return row;
  }

  /** The row of an image that cannot be decoded. */
  static List<String> failed(Path file, int columns, BadImageException reason) {
    List<String> row = new ArrayList<>(List.of(file.toString()));
    row.addAll(Collections.nCopies(columns - 2, ""));
    row.add(reason.getMessage());
    return row;
  }

  /** The JSON object of a prediction. */
  static Map<String, Object> values(Path file, Prediction p, Map<String, Object> verdict) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("file", file.toString());
    values.putAll(verdict);
    values.put("preprocess_ms", p.preprocessMillis());
    values.put("inference_ms", p.inferenceMillis());
    return values;
  }

  /** What is said there of mild changes. */
  static Map<String, Object> values(Stability s) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("class", s.label());
    values.put("flips", s.flips().size());
    values.put("lowest", s.lowest());
    values.put("highest", s.highest());
    values.put(
        "changes",
        s.changes().stream()
            .map(
                c ->
                    Map.of(
                        "kind", c.degradation().kind().id(),
                        "level", c.degradation().level(),
                        "class", c.label(),
                        "probability", c.probability()))
            .toList());
    return values;
  }
}
