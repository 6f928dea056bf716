package org.jresnet.train;

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
    @JsonField(min = 0) double seconds) {
  static final String CSV_HEADER =
      "epoch,learning_rate,train_loss,train_accuracy,val_loss,val_accuracy,images_per_second,wait_share,seconds";

  String csv() {
    return String.format(
        java.util.Locale.ROOT,
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
