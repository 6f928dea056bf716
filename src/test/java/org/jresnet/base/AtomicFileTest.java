package org.jresnet.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AtomicFileTest {
  @TempDir Path folder;

  @Test
  void aPlantedLinkIsNotFollowedAndAPipeDoesNotHang() throws Exception {
    Path victim = Files.writeString(folder.resolve("victim"), "precious");
    Files.createSymbolicLink(folder.resolve(".last.ckpt.tmp"), victim);
    new ProcessBuilder("mkfifo", folder.resolve(".run.json.tmp").toString()).start().waitFor();
    AtomicFile.write(folder.resolve("last.ckpt"), "new");
    AtomicFile.write(folder.resolve("run.json"), "new");
    assertThat(victim).hasContent("precious");
    assertThat(folder.resolve("last.ckpt")).hasContent("new");
  }

  @Test
  void writersOfOneTargetDoNotMix() throws Exception {
    Path target = folder.resolve("file");
    ExecutorService writers = Executors.newFixedThreadPool(4);
    for (int i = 0; i < 40; i++) {
      String text = Character.toString('a' + i % 26).repeat(100_000);
      writers.execute(() -> AtomicFile.write(target, text));
    }
    writers.shutdown();
    assertThat(writers.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
    String text = Files.readString(target);
    assertThat(text).hasSize(100_000).isEqualTo(text.substring(0, 1).repeat(100_000));
    try (var entries = Files.list(folder)) {
      assertThat(entries).containsExactly(target);
    }
  }

  @Test
  void devicesAndPipesAreNoTargets() {
    assertThatThrownBy(() -> AtomicFile.write(Path.of("/dev/null"), "x"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("device or pipe");
    assertThat(Path.of("/dev/null")).exists();
  }

  @Test
  void leftoversAreOurOwnPlainFilesOfTheTargets() throws IOException {
    Path outside = Files.writeString(folder.resolve("outside"), "precious");
    String random = ".0123456789abcdef.tmp";
    Files.writeString(folder.resolve(".last.ckpt" + random), "left");
    Files.writeString(folder.resolve(".other" + random), "foreign");
    Files.writeString(folder.resolve(".last.ckpt.tmp"), "foreign");
    Files.writeString(folder.resolve(".last.ckpt.0123456789abcdeg.tmp"), "foreign");
    Files.createDirectory(folder.resolve(".run.json" + random));
    Files.createSymbolicLink(folder.resolve(".best" + random), outside);
    AtomicFile.removeLeftovers(folder, List.of("last.ckpt", "run.json", "best"));
    try (var entries = Files.list(folder)) {
      assertThat(entries.map(e -> e.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "outside",
              ".other" + random,
              ".last.ckpt.tmp",
              ".last.ckpt.0123456789abcdeg.tmp",
              ".run.json" + random,
              ".best" + random);
    }
    assertThat(outside).hasContent("precious");
  }
}
