package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.jresnet.testing.FullDisk;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The disk fills up at each file that a run writes, while it replaces an old run: the old run or
 * the last checkpoint stays, and going on ends in the same bytes.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class DiskFullTest {
  private static final int EPOCHS = 2;
  private static final List<String> OLD = List.of("best.safetensors", "last.ckpt", "run.json");

  private Path folder;
  private TrainOptions options;
  private Path whole;

  @BeforeAll
  void train(@TempDir Path shared) {
    folder = shared;
    Path faces = TinyRun.faces(folder);
    options = TinyRun.options(faces, EPOCHS);
    whole = folder.resolve("whole");
    TinyRun.start(options, whole, RunFolder.Existing.REFUSE, new TinyRun.Notes());
  }

  /** Each file that a run creates, failing in one of the ways in turn. */
  Stream<Arguments> failures() {
    FullDisk.At[] ways = FullDisk.At.values();
    return IntStream.range(0, 13).mapToObj(i -> Arguments.of(i, ways[i % ways.length]));
  }

  @ParameterizedTest(name = "file {0}, {1}")
  @MethodSource("failures")
  void theLastGoodStateStays(int file, FullDisk.At at) throws IOException {
    Path real = Files.createDirectory(folder.resolve("run-" + file));
    for (String name : OLD) {
      Files.writeString(real.resolve(name), "old " + name);
    }
    FullDisk disk = new FullDisk(file, at);
    TinyRun.Notes notes = new TinyRun.Notes();
    boolean ended = false;
    try {
      TinyRun.start(options, disk.path(real), RunFolder.Existing.OVERWRITE, notes);
      ended = true;
    } catch (UserError e) {
      assertThat(e.getMessage()).contains("No space left on device");
    }
    try (var entries = Files.list(real)) {
      assertThat(entries.map(Path::toString)).noneMatch(name -> name.endsWith(".tmp"));
    }
    if (ended && !disk.full()) {
      assertThat(file).as("a run creates at least ten files").isGreaterThan(9);
    } else if (ended) {
      // Only a drawing may be lost without ending the run, and that is said.
      assertThat(notes.texts).anyMatch(n -> n.contains("curves.png could not be drawn"));
    } else if (Files.readString(real.resolve("run.json")).startsWith("old")) {
      for (String name : OLD) {
        assertThat(real.resolve(name)).hasContent("old " + name);
      }
      TinyRun.start(options, real, RunFolder.Existing.OVERWRITE, notes);
    } else {
      TinyRun.resume(real, EPOCHS, Trainer.Contents.CHECKED, notes);
    }
    assertThat(real.resolve(RunFolder.BEST)).hasSameBinaryContentAs(whole.resolve(RunFolder.BEST));
    assertThat(WeightFiles.read(real.resolve(RunFolder.LAST)).tensors())
        .isEqualTo(WeightFiles.read(whole.resolve(RunFolder.LAST)).tensors());
    assertThat(real.resolve("metrics.csv")).content().hasLineCount(EPOCHS + 1);
  }
}
