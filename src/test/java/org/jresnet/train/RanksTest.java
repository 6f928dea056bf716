package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;
import org.jresnet.data.Loader;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Split;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.data.shards.TestShards;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Element;
import org.jresnet.distributed.Exchange;
import org.jresnet.distributed.ForwardingRanks;
import org.jresnet.distributed.RankFailure;
import org.jresnet.distributed.SharedError;
import org.jresnet.distributed.ThreadRanks;
import org.jresnet.distributed.Wire;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.train.ParallelOptions.ScaleLr;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole runs on ranks that are threads. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
final class RanksTest {
  private Path folder;
  private Path faces;

  @BeforeAll
  void draw(@TempDir Path shared) {
    folder = shared;
    faces = folder.resolve("faces");
    // 24 images to train on and 16 to validate.
    DrawnFaces.write(faces, new DrawnFaces.Options(20, 32, 4), done -> {});
  }

  private Training training(int epochs, int ranks, boolean syncNorm) {
    return TinyRun.options(faces, epochs)
        .change()
        .batch(2)
        .parallel(new ParallelOptions(ranks, ScaleLr.NONE, Wire.FP32, syncNorm));
  }

  /** A run whose ranks may be told different things. */
  private static List<Trainer.Outcome> run(
      int size,
      IntFunction<Training> options,
      Path out,
      RunFolder.Existing existing,
      StopAt stop,
      TinyRun.Notes notes) {
    return ThreadRanks.run(
        size, ranks -> run(ranks, options, out, existing, stop, notes, Trainer.Contents.CHECKED));
  }

  private static Trainer.Outcome run(
      Communicator ranks,
      IntFunction<Training> options,
      Path out,
      RunFolder.Existing existing,
      StopAt stop,
      TinyRun.Notes notes,
      Trainer.Contents contents) {
    try (RunFolder folder =
            ranks.leads()
                ? RunFolder.open(out, existing, notes::note)
                : RunFolder.follow(out, existing);
        Compute compute = compute(options.apply(ranks.rank()))) {
      return trainer(options.apply(ranks.rank()), folder, compute, ranks, stop, notes)
          .run(contents);
    }
  }

  private static Compute compute(Training training) {
    TrainOptions.NetworkOptions network = training.options().network();
    return Compute.open(network.backend(), network.precision());
  }

  /** Which rank asks to stop after so many batches, counted over epochs. */
  private record StopAt(int rank, int batches) {
    static final StopAt NEVER = new StopAt(-1, 0);
  }

  private static Trainer trainer(
      Training training,
      RunFolder folder,
      Compute compute,
      Communicator ranks,
      StopAt stop,
      TinyRun.Notes notes) {
    Trainer[] made = new Trainer[1];
    AtomicInteger batches = new AtomicInteger();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void note(String text) {
            if (ranks.leads()) {
              notes.note(text);
            }
          }

          @Override
          public void batchDone(int batch, double loss, double rate, double wait) {
            if (ranks.rank() == stop.rank && batches.incrementAndGet() == stop.batches) {
              made[0].requestStop();
            }
          }
        };
    made[0] = training.trainer(folder, compute, listener).ranks(ranks, Exchange.AUTO);
    return made[0];
  }

  private List<Trainer.Outcome> fresh(int size, int epochs, boolean syncNorm, Path out) {
    return run(
        size,
        rank -> training(epochs, size, syncNorm),
        out,
        RunFolder.Existing.REFUSE,
        StopAt.NEVER,
        new TinyRun.Notes());
  }

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

  /** One rank asks, all stop at the same step; what follows ends in the same bytes. */
  @Test
  void anInterruptedRunEndsInTheSameBytes() throws IOException {
    Path whole = folder.resolve("whole");
    fresh(2, 2, false, whole);
    Path parts = folder.resolve("parts");
    List<Trainer.Outcome> stopped =
        run(
            2,
            rank -> training(2, 2, false),
            parts,
            RunFolder.Existing.REFUSE,
            new StopAt(1, 3),
            new TinyRun.Notes());
    assertThat(stopped).allMatch(o -> o.end() == Trainer.End.INTERRUPTED);
    assertThat(CheckpointFile.positionOf(parts.resolve(RunFolder.LAST)).batch()).isBetween(3, 4);
    run(
        2,
        rank -> training(2, 2, false),
        parts,
        RunFolder.Existing.RESUME,
        StopAt.NEVER,
        new TinyRun.Notes());
    for (String file : List.of(RunFolder.BEST, RunFolder.LAST)) {
      Map<String, HostTensor> expected = WeightFiles.read(whole.resolve(file)).tensors();
      Map<String, HostTensor> found = WeightFiles.read(parts.resolve(file)).tensors();
      assertThat(found.keySet()).isEqualTo(expected.keySet()).isNotEmpty();
      expected.forEach(
          (name, tensor) ->
              assertThat(found.get(name).data())
                  .as("%s of %s", name, file)
                  .isEqualTo(tensor.data()));
    }
  }

  @Test
  void aRunMayGoOnWithAnotherNumberOfRanks() {
    Path out = folder.resolve("fewer");
    fresh(2, 1, false, out);
    TinyRun.Notes notes = new TinyRun.Notes();
    Training one = training(2, 1, false);
    TinyRun.start(one.options(), out, RunFolder.Existing.RESUME, notes);
    assertThat(notes.texts).anyMatch(text -> text.contains("had 2 ranks and goes on with 1"));
    RunRecord record = RunFolder.recordOf(out).orElseThrow();
    assertThat(record.ranks())
        .containsExactly(new RankUse(0, 0, 2, 4, 1e-3), new RankUse(1, 0, 1, 2, 1e-3));
    assertThat(CheckpointFile.positionOf(out.resolve(RunFolder.LAST)).epoch()).isEqualTo(2);
  }

  /** Of 24 images, 2 ranks have seen 12 or 16 in batches of 2; 3 ranks take 6 in a step. */
  @Test
  void withinAnEpochOtherRanksTakeWhatIsLeftOfIt() {
    Path out = folder.resolve("within");
    run(
        2,
        rank -> training(2, 2, false),
        out,
        RunFolder.Existing.REFUSE,
        new StopAt(1, 3),
        new TinyRun.Notes());
    Checkpoint stopped = CheckpointFile.positionOf(out.resolve(RunFolder.LAST));
    assertThat(stopped.seen()).isEqualTo(stopped.batch() * 4L).isIn(12L, 16L);
    int done = stopped.seen() == 12 ? 2 : 3;
    TinyRun.Notes notes = new TinyRun.Notes();
    // Once more within the epoch, if two batches are left of it.
    run(3, rank -> training(2, 3, false), out, RunFolder.Existing.RESUME, new StopAt(2, 1), notes);
    assertThat(notes.texts)
        .anyMatch(text -> text.contains("had 2 ranks and goes on with 3"))
        .anyMatch(text -> text.contains("what is left of the epoch is divided anew"));
    Checkpoint again = CheckpointFile.positionOf(out.resolve(RunFolder.LAST));
    long took = 4L * again.epoch() + again.batch() - done;
    assertThat(took).isBetween(1L, 2L);
    assertThat(again.steps()).isEqualTo(done + took);
    if (again.epoch() == 0) {
      assertThat(again.seen()).isEqualTo(stopped.seen() + 6 * took);
    }
    run(3, rank -> training(2, 3, false), out, RunFolder.Existing.RESUME, StopAt.NEVER, notes);
    Checkpoint end = CheckpointFile.positionOf(out.resolve(RunFolder.LAST));
    assertThat(end.epoch()).isEqualTo(2);
    assertThat(end.steps()).isEqualTo(8);
    RunRecord record = RunFolder.recordOf(out).orElseThrow();
    assertThat(record.ranks())
        .containsExactly(new RankUse(0, 0, 2, 4, 1e-3), new RankUse(0, stopped.seen(), 3, 6, 1e-3));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void divergenceNamesTheTensorAndTheRank(boolean syncNorm) {
    Path out = folder.resolve("diverges" + syncNorm);
    assertThatThrownBy(
            () ->
                run(
                    2,
                    rank ->
                        training(1, 2, syncNorm)
                            .optimizer(OptimizerOptions.Kind.SGD)
                            .learningRate(1e30),
                    out,
                    RunFolder.Existing.REFUSE,
                    StopAt.NEVER,
                    new TinyRun.Notes()))
        .isInstanceOf(SharedError.class)
        .hasMessageMatching(
            "training diverged in epoch 1, batch \\d: .+ on rank [01] is not finite.*")
        .satisfies(e -> assertThat(e.getSuppressed()[0]).hasMessage(e.getMessage()));
  }

  /** Of rank 1 alone, as on a disk of its own. */
  private void refusedByRank1(Path good, Path bad, Trainer.Contents contents, String message) {
    Path out = folder.resolve("of-" + bad.getFileName() + contents);
    assertThatThrownBy(
            () ->
                ThreadRanks.run(
                    2,
                    ranks ->
                        run(
                            ranks,
                            rank -> training(1, 2, false).data(rank == 0 ? good : bad),
                            out,
                            RunFolder.Existing.REFUSE,
                            StopAt.NEVER,
                            new TinyRun.Notes(),
                            contents)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(message);
    assertThat(out.resolve(RunFolder.LAST)).doesNotExist();
  }

  @Test
  void aShardThatIsMissingOrDamagedOnOneRankStopsAll() throws IOException {
    Path good = TestShards.pack(faces, folder.resolve("good"));
    Path missing = TestShards.pack(faces, folder.resolve("missing"));
    Path gone = TestShards.tar(missing, 1);
    Files.delete(gone);
    refusedByRank1(good, missing, Trainer.Contents.CHECKED, "the shard " + gone + " is missing");
    Path damaged = TestShards.pack(faces, folder.resolve("damaged"));
    TestShards.damage(damaged, 0);
    String found = "damaged in the shard " + TestShards.tar(damaged, 0);
    refusedByRank1(good, damaged, Trainer.Contents.CHECKED, found);
    // Seen when a batch is read.
    refusedByRank1(good, damaged, Trainer.Contents.TRUSTED, found);
  }

  /** Rank 1 dies in a step of epoch 2 and leaves garbage in the sum that rank 0 gets. */
  private static final class Dying extends ForwardingRanks {
    private final AtomicInteger steps = new AtomicInteger();
    private final AtomicBoolean over;
    private final Path checkpoint;
    private volatile byte[] saved;
    private boolean first = true;

    Dying(Communicator to, AtomicBoolean over, Path checkpoint) {
      super(to);
      this.over = over;
      this.checkpoint = checkpoint;
    }

    @Override
    public Reduction reduction(ByteBuffer values, Element element) {
      Reduction sum = super.reduction(values, element);
      boolean counts = first;
      first = false;
      return counts ? then(sum, () -> summed(values)) : sum;
    }

    private void summed(ByteBuffer values) {
      if (steps.incrementAndGet() < 12) {
        return;
      }
      if (leads()) {
        for (int i = 0; i < values.capacity(); i += Float.BYTES) {
          values.putFloat(i, 1e-3f * i);
        }
        return;
      }
      saved = bytes(checkpoint);
      // Neither takes part nor says why, until the other has given up.
      for (int i = 0; i < 1200 && !over.get(); i++) {
        sleep();
      }
      throw new IllegalStateException("died");
    }

    private static void sleep() {
      try {
        Thread.sleep(50);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void nothingIsSavedFromAStepInWhichARankDied() {
    Path out = folder.resolve("dead");
    Path last = out.resolve(RunFolder.LAST);
    AtomicBoolean over = new AtomicBoolean();
    List<Dying> ranks = new ArrayList<>();
    for (Communicator rank : ThreadRanks.of(2, Duration.ofSeconds(10))) {
      ranks.add(new Dying(rank, over, last));
    }
    assertThatThrownBy(
            () ->
                ThreadRanks.run(
                    List.copyOf(ranks),
                    rank -> {
                      try {
                        return run(
                            rank,
                            number -> training(3, 2, false),
                            out,
                            RunFolder.Existing.REFUSE,
                            StopAt.NEVER,
                            new TinyRun.Notes(),
                            Trainer.Contents.CHECKED);
                      } finally {
                        over.set(true);
                      }
                    }))
        .isInstanceOf(RankFailure.class)
        .hasMessageContaining("rank 1 of 2 did not come within 10 s");
    assertThat(ranks.get(0).steps).hasValue(12);
    assertThat(bytes(last)).isEqualTo(ranks.get(1).saved);
    assertThat(CheckpointFile.positionOf(last).epoch()).isEqualTo(1);
  }

  @Test
  void ranksThatWereStartedDifferentlyAreRefusedByName() {
    Path out = folder.resolve("unequal");
    assertThatThrownBy(
            () ->
                run(
                    2,
                    rank ->
                        training(1, 2, false).learningRate(rank == 0 ? 0.1 : 0.2).epochs(1 + rank),
                    out,
                    RunFolder.Existing.REFUSE,
                    StopAt.NEVER,
                    new TinyRun.Notes()))
        .isInstanceOf(SharedError.class)
        .hasMessageContaining("rank 1 beside rank 0: options.optimizer.learningRate")
        .hasMessageContaining("options.epochs");
    assertThat(out).doesNotExist();
  }

  @Test
  void ranksThatSeeOtherImagesAreRefused() throws IOException {
    Path other = folder.resolve("other");
    DrawnFaces.write(other, new DrawnFaces.Options(20, 32, 5), done -> {});
    assertThat(Files.isDirectory(other)).isTrue();
    assertThatThrownBy(
            () ->
                run(
                    2,
                    rank -> training(1, 2, false).data(rank == 0 ? faces : other),
                    folder.resolve("data"),
                    RunFolder.Existing.REFUSE,
                    StopAt.NEVER,
                    new TinyRun.Notes()))
        .isInstanceOf(SharedError.class)
        .hasMessageContaining("rank 1 beside rank 0: contentHash");
  }

  @Test
  void moreRanksThanImagesAreRefused() {
    assertThatThrownBy(() -> fresh(17, 1, false, folder.resolve("many")))
        .isInstanceOf(SharedError.class)
        .hasMessageContaining("there are 17 ranks and only 16 images in the part val");
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
