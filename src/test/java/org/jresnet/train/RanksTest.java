package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Precision;
import org.jresnet.data.Loader;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Split;
import org.jresnet.distributed.Wire;
import org.jresnet.engine.BackendKind;
import org.jresnet.train.ParallelOptions.ScaleLr;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.Test;

/** What ranks compute together, beside one process. */
final class RanksTest extends SmallRanks {
  @Test
  void ranksShareOneRunAndItsTotalsAreExact() {
    Path out = folder.resolve("three");
    List<Trainer.Outcome> outcomes = fresh(3, 2, false, out);
    for (Trainer.Outcome outcome : outcomes) {
      assertThat(outcome.end()).isEqualTo(Trainer.End.COMPLETED);
      assertThat(outcome.history()).hasSize(2);
      for (int epoch = 0; epoch < 2; epoch++) {
        EpochResult own = outcome.history().get(epoch);
        EpochResult lead = outcomes.get(0).history().get(epoch);
        assertThat(own.trainLoss()).isEqualTo(lead.trainLoss());
        assertThat(own.valLoss()).isEqualTo(lead.valLoss());
      }
    }
    // What one process finds for the best epoch's weights.
    EpochResult best = outcomes.get(0).best().orElseThrow();
    Split split = RunFolder.splitOf(out);
    try (Classifier classifier =
        Classifier.open(out.resolve(RunFolder.BEST), BackendKind.CPU, Precision.FP32)) {
      Evaluation alone =
          classifier.evaluate(
              split.part(Split.Part.VAL),
              new Evaluator.Labels(split.classes(), ""),
              4,
              new Evaluator.LoaderOptions(
                  new Preprocess(16, Preprocess.Mode.STRETCH), 1, Loader.BadImages.STOP),
              done -> {});
      assertThat(alone.images()).isEqualTo(16);
      assertThat(alone.loss()).isEqualTo(best.valLoss());
      assertThat(alone.confusion().accuracy().share()).isEqualTo(best.valAccuracy());
    }
    RunRecord record = RunFolder.recordOf(out).orElseThrow();
    assertThat(record.options().parallel().ranks()).isEqualTo(3);
    assertThat(record.ranks()).containsExactly(new RankUse(0, 0, 3, 6, 1e-3));
    assertThat(record.dataUse().leftOutPerEpoch()).isZero();
  }

  /** Batch statistics of all ranks make several small batches one large one. */
  @Test
  void withSyncNormRanksEqualOneProcessWithTheLargeBatch() {
    Path two = folder.resolve("two");
    Path one = folder.resolve("one");
    // SGD: Adam divides by the size of a gradient, and so makes rounding of tiny ones large. Norms
    // over the four values of two batches of 2 would, too.
    Training whole = training(2, 1, false).batch(12);
    whole.optimizer(OptimizerOptions.Kind.SGD).learningRate(1e-3);
    TinyRun.start(whole.options(), one, RunFolder.Existing.REFUSE, new TinyRun.Notes());
    run(
        2,
        rank ->
            training(2, 2, true).batch(6).optimizer(OptimizerOptions.Kind.SGD).learningRate(1e-3),
        two,
        RunFolder.Existing.REFUSE,
        StopAt.NEVER,
        new TinyRun.Notes());
    Map<String, HostTensor> expected = WeightFiles.read(one.resolve(RunFolder.LAST)).tensors();
    Map<String, HostTensor> found = WeightFiles.read(two.resolve(RunFolder.LAST)).tensors();
    assertThat(found.keySet()).isEqualTo(expected.keySet());
    int compared = 0;
    for (String name : expected.keySet()) {
      if (name.startsWith("optimizer.") || name.endsWith("num_batches_tracked")) {
        continue;
      }
      float[] a = expected.get(name).toFloats();
      float[] b = found.get(name).toFloats();
      double error = 0;
      double norm = 0;
      for (int i = 0; i < a.length; i++) {
        error += (double) (a[i] - b[i]) * (a[i] - b[i]);
        norm += (double) a[i] * a[i];
      }
      // Four steps of single precision whose sums are made in another order; how such differences
      // grow with further steps is RankDriftTest's.
      assertThat(Math.sqrt(error)).as(name).isLessThan(1e-4 * (Math.sqrt(norm) + 0.01));
      compared++;
    }
    assertThat(compared).isGreaterThan(80);
  }

  @Test
  void theLearningRateIsScaledOnlyAfterAWarmUp() {
    ParallelOptions linear = new ParallelOptions(4, ScaleLr.LINEAR, Wire.FP32, false);
    assertThat(linear.rateFactor()).isEqualTo(4.0, within(0.0));
    assertThat(ParallelOptions.SOLO.rateFactor()).isEqualTo(1.0, within(0.0));
    assertThatThrownBy(() -> training(1, 4, false).parallel(linear).options())
        .hasMessageContaining("warmup must be greater than 0 with --scale-lr linear");
  }
}
