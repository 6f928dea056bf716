package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training in a process of its own, stopped by a signal. */
final class StopTest {
  private static final long SIGINT_BIT = 1L << 2 - 1;

  @TempDir static Path folder;

  @BeforeAll
  static void draw() {
    DrawnFaces.write(folder.resolve("faces"), new DrawnFaces.Options(12, 32, 3), done -> {});
  }

  /** A training process whose standard error goes to a file. */
  private record Training(Process process, Path out, Path err) {
    static Training start(Path out, List<String> java, String... more) throws IOException {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(java);
      command.addAll(
          List.of("-cp", System.getProperty("java.class.path"), "org.jresnet.cli.Main", "train"));
      command.addAll(
          List.of("--model", "resnet18", "--width", "4", "--size", "32", "--precision", "fp32"));
      command.addAll(List.of("--out", out.toString()));
      command.addAll(List.of(more));
      Path err = Path.of(out + ".err");
      return new Training(
          new ProcessBuilder(command)
              .redirectError(err.toFile())
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start(),
          out,
          err);
    }

    void awaitFile(String name) throws Exception {
      while (!Files.exists(out.resolve(name))) {
        assertThat(process.isAlive()).as(text()).isTrue();
        Thread.sleep(5);
      }
    }

    /** Signals that this process ignores, and so what it starts, as hexadecimal bits. */
    static long ignoredSignals() throws IOException {
      try (var lines = Files.lines(Path.of("/proc/self/status"))) {
        return lines
            .filter(line -> line.startsWith("SigIgn:"))
            .mapToLong(line -> Long.parseUnsignedLong(line.substring(7).strip(), 16))
            .findFirst()
            .orElseThrow();
      }
    }

    int interrupt() throws Exception {
      new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
      assertThat(process.waitFor(5, TimeUnit.MINUTES)).as("ends after SIGINT").isTrue();
      return process.exitValue();
    }

    String text() throws IOException {
      return Files.readString(err, StandardCharsets.UTF_8);
    }
  }

  @Test
  void anInterruptBeforeTheFirstCurvesSavesTheEpoch() throws Exception {
    assumeThat(Training.ignoredSignals() & SIGINT_BIT)
        .as("SIGINT is ignored here, as in a background job of a script")
        .isZero();
    // One batch per epoch, so that the epoch is over when the stop is noticed; the temporary folder
    // does not exist, since curves must not need one.
    Training training =
        Training.start(
            folder.resolve("run"),
            List.of("-Djava.io.tmpdir=" + folder.resolve("missing")),
            folder.resolve("faces").toString(),
            "--batch",
            "64",
            "--epochs",
            "1000");
    training.awaitFile("run.json");
    assertThat(training.interrupt()).as(training.text()).isEqualTo(130);
    assertThat(training.text())
        .contains("Interrupted. The checkpoint is")
        .doesNotContain("unexpected failure");
    assertThat(training.out()).isDirectoryContaining("glob:**last.ckpt");
    // A fast stop comes before the first step; then there is no epoch to draw.
    if (Files.exists(training.out().resolve("metrics.csv"))) {
      assertThat(training.out()).isDirectoryContaining("glob:**curves.png");
    }
  }
}
