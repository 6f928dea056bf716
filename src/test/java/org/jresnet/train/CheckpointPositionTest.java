package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Positions that no run has: of epochs, steps and images that cannot be. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
final class CheckpointPositionTest {
  private Path folder;
  private Path run;

  @BeforeAll
  void train(@TempDir Path shared) {
    folder = shared;
    run = TinyRun.finished(folder, TinyRun.faces(folder), 2);
  }

  Stream<Damage> impossible() {
    List<Damage> cases = new ArrayList<>();
    cases.add(Damage.position("epoch", -1, "epoch: expected a whole number of at least 0"));
    cases.add(Damage.position("epoch", Integer.MAX_VALUE, "position that this run cannot have"));
    cases.add(Damage.position("epoch", 1, "position that this run cannot have"));
    cases.add(Damage.position("batch", -1, "batch: expected a whole number"));
    cases.add(Damage.position("batch", 1_000_000, "batch is 1000000, expected at most"));
    cases.add(Damage.position("batch", 1, "position that this run cannot have"));
    cases.add(Damage.position("bestEpoch", 99, "bestEpoch is 99"));
    cases.add(Damage.position("bestEpoch", -3, "bestEpoch: expected a whole number"));
    cases.add(Damage.position("bestEpoch", 0, "bestEpoch is 0"));
    cases.add(Damage.position("history", null, "history: expected a list"));
    cases.add(Damage.position("history", List.of(), "history is 0 epochs"));
    cases.add(Damage.position("history", Arrays.asList(null, null), "history[0]: expected"));
    cases.add(Damage.position("steps", -5, "steps: expected a whole number"));
    cases.add(Damage.position("steps", 1L << 62, "steps is 4611686018427387904, expected"));
    cases.add(Damage.position("lossScale", null, "lossScale: expected an object"));
    cases.add(Damage.position("seen", -12, "seen: expected a whole number"));
    cases.add(Damage.position("seen", 4, "seen is 4"));
    cases.add(Damage.position("correct", 1, "correct is 1"));
    cases.add(Damage.position("lossSum", "NaN", "lossSum: expected a number"));
    cases.add(Damage.position("lossSum", 3.5, "lossSum is 3.5"));
    return cases.stream();
  }

  @ParameterizedTest
  @MethodSource("impossible")
  void positionsThatNoRunHasAreRefused(Damage c) throws IOException {
    c.toCopy(
        run,
        folder.resolve("impossible"),
        copy -> {
          Path file = copy.resolve(RunFolder.LAST);
          // 12 images to train on, in batches of 4.
          Checkpoint.Limits limits = new Checkpoint.Limits(3, 4, 12, 1, false);
          assertThatThrownBy(
                  () ->
                      CheckpointFile.read(file).position().requirePossible(file.toString(), limits))
              .isInstanceOf(UserError.class)
              .hasMessageContaining(file.toString())
              .hasMessageContaining(c.message());
        });
  }
}
