package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders as killed processes leave them, and two runs that want one folder. */
final class RunFolderTest {
  private static final List<String> OLD =
      List.of("best.safetensors", "last.ckpt", "run.json", "metrics.csv", "split.csv");

  @TempDir Path folder;

  private void oldRunIn(Path place, List<String> names) throws IOException {
    Files.createDirectories(place);
    for (String name : names) {
      Files.writeString(place.resolve(name), "old " + name);
    }
  }

  private void requireOldRun() throws IOException {
    for (String name : OLD) {
      assertThat(folder.resolve(name)).hasContent("old " + name);
    }
    try (var entries = Files.list(folder)) {
      assertThat(entries.map(e -> e.getFileName().toString()))
          .hasSize(OLD.size() + 2)
          .contains(RunLock.FILE, "notes.txt");
    }
  }

  @ParameterizedTest(name = "killed after {0} files were put aside")
  @ValueSource(ints = {0, 1, 2, 3, 4, 5})
  void aRunThatWasBeingPutAsideComesBack(int moved) throws IOException {
    Files.writeString(folder.resolve("notes.txt"), "mine");
    oldRunIn(folder.resolve(".previous-moving"), OLD.subList(0, moved));
    oldRunIn(folder, OLD.subList(moved, OLD.size()));
    List<String> notes = new ArrayList<>();
    assertThatThrownBy(() -> RunFolder.open(folder, RunFolder.Existing.REFUSE, notes::add))
        .hasMessageContaining("not empty");
    assertThat(notes).singleElement().asString().contains("the old run is back");
    requireOldRun();
  }

  @Test
  void aRunWhoseReplacementHasNoCheckpointComesBack() throws IOException {
    Files.writeString(folder.resolve("notes.txt"), "mine");
    oldRunIn(folder.resolve(PreviousRun.KEPT), OLD);
    Files.writeString(folder.resolve("run.json"), "new");
    Files.writeString(folder.resolve(".next-best.safetensors"), "new");
    Files.writeString(folder.resolve(".last.ckpt.0123456789abcdef.tmp"), "half of the new");
    RunFolder.open(folder, RunFolder.Existing.RESUME, note -> {}).close();
    requireOldRun();
  }

  @Test
  void aRunWhoseReplacementHasACheckpointGoes() throws IOException {
    oldRunIn(folder.resolve(PreviousRun.KEPT), OLD);
    Files.writeString(folder.resolve("run.json"), "new");
    Files.writeString(folder.resolve("last.ckpt"), "new");
    RunFolder.open(folder, RunFolder.Existing.RESUME, note -> {}).close();
    assertThat(folder.resolve(PreviousRun.KEPT)).doesNotExist();
    assertThat(folder.resolve("last.ckpt")).hasContent("new");
  }

  @Test
  void theBestWeightsFollowTheCheckpoint() throws IOException {
    String hashOfNew = "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437";
    oldRunIn(folder, OLD);
    Files.writeString(folder.resolve(".next-best.safetensors"), "new");
    try (RunFolder run = RunFolder.open(folder, RunFolder.Existing.RESUME, note -> {})) {
      assertThatThrownBy(() -> run.settleBest("0".repeat(64)))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("is not the file that the run wrote");
      run.settleBest(hashOfNew);
    }
    assertThat(folder.resolve("best.safetensors")).hasContent("new");
    assertThat(folder.resolve(".next-best.safetensors")).doesNotExist();
  }

  @Test
  void oneRunAtATime() throws IOException {
    oldRunIn(folder, OLD);
    Path link =
        Files.createSymbolicLink(folder.resolveSibling(folder.getFileName() + "-link"), folder);
    try (RunFolder run = RunFolder.open(folder, RunFolder.Existing.RESUME, note -> {})) {
      assertThat(run.path()).isEqualTo(folder);
      for (Path way : List.of(folder, link)) {
        for (RunFolder.Existing existing : RunFolder.Existing.values()) {
          assertThatThrownBy(() -> RunFolder.open(way, existing, note -> {}))
              .isInstanceOf(UserError.class)
              .hasMessageContaining("in use by another training")
              .hasMessageContaining("choose another --out");
        }
      }
    } finally {
      Files.delete(link);
    }
    RunFolder.open(folder, RunFolder.Existing.RESUME, note -> {}).close();
  }

  @Test
  void aPlantedLockIsNotFollowed() throws IOException {
    Path victim = Files.writeString(folder.resolve("victim"), "precious");
    Files.createSymbolicLink(folder.resolve(RunLock.FILE), victim);
    assertThatThrownBy(() -> RunFolder.open(folder, RunFolder.Existing.OVERWRITE, note -> {}))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(".lock is a link, folder or pipe");
    assertThat(victim).hasContent("precious");
  }
}
