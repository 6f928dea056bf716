package org.jresnet.train;

import java.util.List;
import org.jresnet.backend.LossScale;
import org.jresnet.base.JsonField;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * Where a run stands. Random numbers are functions of seed, epoch and sample, so the position
 * stands for them; parameters and optimizer state are beside it in the file, see {@link
 * CheckpointFile}.
 *
 * @param epoch epochs completed
 * @param batch batches completed in the next epoch; all of them where its validation was cut short
 * @param lossSum sum of the losses in that epoch so far, weighted by images
 * @param correct correct predictions in that epoch so far
 * @param seen images of that epoch so far
 * @param steps optimizer steps since the start
 * @param lossScale of half precision
 * @param bestEpoch epoch with the best validation result, 0 for none
 * @param history results of the completed epochs
 * @param best SHA-256 of {@code best.safetensors}; empty without one, and from older versions
 */
record Checkpoint(
    @JsonField(min = 0) int epoch,
    @JsonField(min = 0) int batch,
    @JsonField(min = 0) double lossSum,
    @JsonField(min = 0) long correct,
    @JsonField(min = 0) long seen,
    @JsonField(min = 0) long steps,
    @JsonField(whenAbsent = "{\"scale\":65536,\"good\":0}") LossScale.State lossScale,
    @JsonField(min = 0) int bestEpoch,
    List<EpochResult> history,
    @JsonField(whenAbsent = "\"\"") String best) {
  static final Checkpoint START =
      new Checkpoint(0, 0, 0, 0, 0, 0, LossScale.State.START, 0, List.of(), "");

  /**
   * What positions a run can have.
   *
   * @param batches of an epoch
   * @param batchSize images of a batch
   * @param images of an epoch
   * @param accumulate batches of a step
   * @param skipsSteps whether steps may be left out, as half precision does
   */
  record Limits(int batches, int batchSize, int images, int accumulate, boolean skipsSteps) {
    private long steps(int ofBatches) {
      return (ofBatches + accumulate - 1L) / accumulate;
    }
  }

  /** Copies the history. */
  Checkpoint {
    history = List.copyOf(history);
  }

  /** The same after another number of batches and optimizer steps. */
  Checkpoint movedTo(int batches, long number) {
    return new Checkpoint(
        epoch, batches, lossSum, correct, seen, number, lossScale, bestEpoch, history, best);
  }

  /**
   * Checks that a run can be here.
   *
   * @param file named in messages
   * @throws UserError naming the field that no run has
   */
  void requirePossible(String file, Limits run) {
    require(batch <= run.batches, file, "batch", batch, "at most " + run.batches);
    require(
        batch % run.accumulate == 0 || batch == run.batches,
        file,
        "batch",
        batch,
        "a multiple of " + run.accumulate + ", whole steps");
    long most = batch == run.batches ? run.images : (long) batch * run.batchSize;
    require(
        seen <= most && seen > 0 == batch > 0,
        file,
        "seen",
        seen,
        "no more than the " + most + " images of " + batch + " batches");
    require(correct <= seen, file, "correct", correct, "at most " + seen);
    require(batch > 0 || lossSum == 0, file, "lossSum", lossSum, "0 at the start of an epoch");
    long done = epoch * run.steps(run.batches) + run.steps(batch);
    require(
        run.skipsSteps ? steps <= done : steps == done,
        file,
        "steps",
        steps,
        (run.skipsSteps ? "at most " : "") + done);
    require(
        history.size() == epoch, file, "history", history.size() + " epochs", epoch + " of them");
    int wanted = 0;
    for (int i = 0; i < epoch; i++) {
      EpochResult result = history.get(i);
      require(result.epoch() == i + 1, file, "history.epoch", result.epoch(), i + 1);
      wanted = wanted == 0 || result.betterThan(history.get(wanted - 1)) ? i + 1 : wanted;
    }
    require(
        bestEpoch == wanted, file, "bestEpoch", bestEpoch, wanted + ", the best of the history");
    require(best.isEmpty() || bestEpoch > 0, file, "best", best, "none before the first epoch");
  }

  private static void require(
      boolean met, String file, String name, Object found, Object expected) {
    if (!met) {
      throw new UserError(
          Text.format(
              "%s holds a position that this run cannot have: %s is %s, expected %s; it is damaged "
                  + "or of another run",
              file, name, found, expected));
    }
  }
}
