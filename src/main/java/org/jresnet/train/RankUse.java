package org.jresnet.train;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.JsonField;

/**
 * From where on a run had how many ranks; part of {@code run.json}.
 *
 * @param epoch epochs that were done
 * @param seen images of the next epoch that steps had seen
 * @param ranks processes
 * @param globalBatch images of a step
 * @param learningRate base rate after scaling
 */
public record RankUse(
    @JsonField(min = 0) int epoch,
    @JsonField(whenAbsent = "0", min = 0) long seen,
    @JsonField(min = 1) int ranks,
    @JsonField(min = 1) int globalBatch,
    double learningRate) {
  /** How many processes a run last had. */
  static int last(List<RankUse> uses) {
    return uses.isEmpty() ? 1 : uses.get(uses.size() - 1).ranks;
  }

  /**
   * The uses of a run that begins or goes on.
   *
   * @param record of the run, with its uses so far
   * @param batch images of a rank's batch
   */
  static List<RankUse> after(RunRecord record, Checkpoint start, int batch) {
    TrainOptions options = record.options();
    int ranks = options.parallel().ranks();
    if (last(record.ranks()) == ranks) {
      return record.ranks();
    }
    List<RankUse> uses = new ArrayList<>(record.ranks());
    uses.add(
        new RankUse(
            start.epoch(),
            start.seen(),
            ranks,
            batch * ranks * options.accumulate(),
            options.optimizer().learningRate() * options.parallel().rateFactor()));
    return uses;
  }
}
