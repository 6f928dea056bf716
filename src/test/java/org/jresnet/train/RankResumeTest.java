package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.Test;

/** Runs of ranks that stop and go on, as many or others. */
final class RankResumeTest extends SmallRanks {
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
}
