package org.jresnet.train;

/** Told about the progress of a training run, on the training thread. */
public interface TrainingListener {
  /** Something that the user should know. */
  void note(String text);

  /** An epoch starts, possibly in the middle. */
  void epochStarted(int epoch, int epochs, int firstBatch, int batches);

  /**
   * A batch is done.
   *
   * @param batch number in the epoch, from 1
   * @param loss mean loss of the epoch so far
   * @param imagesPerSecond of the epoch so far
   * @param waitShare share of time spent waiting for data so far
   */
  void batchDone(int batch, double loss, double imagesPerSecond, double waitShare);

  /** An epoch is done; {@code best} if it is the best so far. */
  void epochFinished(EpochResult result, boolean best);
}
