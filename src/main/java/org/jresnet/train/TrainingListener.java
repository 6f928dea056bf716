package org.jresnet.train;

/** Told about the progress of a training run, on the training thread; notes suffice. */
@FunctionalInterface
public interface TrainingListener {
  /** Something that the user should know. */
  void note(String text);

  /**
   * The heads of the images are read, from several threads.
   *
   * @param done images so far, in any order
   * @param total all images
   */
  default void reading(int done, int total) {}

  /** What the run is about to learn from; not told again when it goes on later. */
  default void data(DataReport report) {}

  /** An epoch starts, possibly in the middle. */
  default void epochStarted(int epoch, int epochs, int firstBatch, int batches) {}

  /**
   * A batch is done.
   *
   * @param batch number in the epoch, from 1
   * @param loss mean loss of the epoch so far
   * @param imagesPerSecond of the epoch so far
   * @param waitShare share of time spent waiting for data so far
   */
  default void batchDone(int batch, double loss, double imagesPerSecond, double waitShare) {}

  /** An epoch is done; {@code best} if it is the best so far. */
  default void epochFinished(EpochResult result, boolean best) {}
}
