package org.jresnet.train;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jresnet.base.JsonField;

/**
 * One line of {@code metrics.csv}.
 *
 * @param epoch from 1
 * @param learningRate of the epoch's last step
 * @param trainLoss mean loss over the epoch
 * @param trainAccuracy share of correct predictions while training
 * @param valLoss mean loss on the validation part
 * @param valAccuracy accuracy on the validation part
 * @param imagesPerSecond training speed
 * @param waitShare share of the training time spent waiting for data
 * @param seconds of training and validation
 * @param telemetry means of what telemetry read, by name; empty without it
 */
public record EpochResult(
    @JsonField(min = 1) int epoch,
    @JsonField(min = 0) double learningRate,
    @JsonField(min = 0) double trainLoss,
    @JsonField(min = 0, max = 1) double trainAccuracy,
    @JsonField(min = 0) double valLoss,
    @JsonField(min = 0, max = 1) double valAccuracy,
    @JsonField(min = 0) double imagesPerSecond,
    @JsonField(min = 0) double waitShare,
    @JsonField(min = 0) double seconds,
    @JsonField(whenAbsent = "{}") Map<String, Double> telemetry) {
  static final String CSV_HEADER =
      "epoch,learning_rate,train_loss,train_accuracy,val_loss,val_accuracy,images_per_second,wait_share,seconds";

  /** Keeps the order. */
  public EpochResult {
    telemetry = Collections.unmodifiableMap(new LinkedHashMap<>(telemetry));
  }

  /**
   * A line of the table.
   *
   * @param columns names of telemetry; what this epoch has not stays empty
   */
  String csv(Set<String> columns) {
    String line = line();
    for (String name : columns) {
      Double value = telemetry.get(name);
      line += value == null ? "," : String.format(Locale.ROOT, ",%.6g", value);
    }
    return line;
  }

  private String line() {
    return String.format(
        Locale.ROOT,
        "%d,%.8g,%.6f,%.6f,%.6f,%.6f,%.2f,%.4f,%.2f",
        epoch,
        learningRate,
        trainLoss,
        trainAccuracy,
        valLoss,
        valAccuracy,
        imagesPerSecond,
        waitShare,
        seconds);
  }

  /** Better accuracy, or equal accuracy with a smaller loss. */
  boolean betterThan(EpochResult other) {
    return valAccuracy > other.valAccuracy
        || valAccuracy == other.valAccuracy && valLoss < other.valLoss;
  }
}
