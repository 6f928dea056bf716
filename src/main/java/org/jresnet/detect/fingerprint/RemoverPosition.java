package org.jresnet.detect.fingerprint;

import java.util.List;
import org.jresnet.base.JsonField;

/**
 * Where the training of an autoencoder stands.
 *
 * @param epoch epochs completed
 * @param batch batches completed in the next one
 * @param lossSum sum of their losses
 * @param steps of the optimizer since the start
 * @param images SHA-256 over the names of the training images, in their order
 * @param history the completed epochs
 */
record RemoverPosition(
    @JsonField(min = 0) int epoch,
    @JsonField(min = 0) int batch,
    @JsonField(min = 0) double lossSum,
    @JsonField(min = 0) long steps,
    String images,
    List<Epoch> history) {
  /**
   * An epoch.
   *
   * @param epoch from 1
   * @param trainError mean squared error of its batches, between values from 0 to 1
   * @param heldOutError the same on held-out images, after it
   */
  record Epoch(
      @JsonField(min = 1) int epoch,
      @JsonField(min = 0) double trainError,
      @JsonField(min = 0) double heldOutError) {}

  RemoverPosition {
    history = List.copyOf(history);
  }

  static RemoverPosition start(String images) {
    return new RemoverPosition(0, 0, 0, 0, images, List.of());
  }

  /** The smallest error on held-out images so far. */
  double best() {
    return history.stream().mapToDouble(Epoch::heldOutError).min().orElse(Double.MAX_VALUE);
  }
}
