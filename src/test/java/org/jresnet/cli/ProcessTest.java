package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What only a process of its own shows: full and closed outputs, exhausted memory, a lost library.
 */
final class ProcessTest {
  @TempDir Path folder;

  private record Ended(int code, String out, String err) {}

  private ProcessBuilder java(List<String> jvm, String classPath, String... arguments) {
    List<String> line =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    line.addAll(List.of("-Djava.awt.headless=true", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    line.addAll(jvm);
    line.addAll(List.of("-cp", classPath, "org.jresnet.cli.Main"));
    line.addAll(List.of(arguments));
    return new ProcessBuilder(line)
        .redirectError(folder.resolve("err").toFile())
        .redirectOutput(folder.resolve("out").toFile());
  }

  private Ended end(ProcessBuilder builder) throws IOException, InterruptedException {
    Process process = builder.start();
    assertThat(process.waitFor(100, TimeUnit.SECONDS)).as("ended in time").isTrue();
    return new Ended(process.exitValue(), read("out"), read("err"));
  }

  private String read(String name) throws IOException {
    Path file = folder.resolve(name);
    return Files.exists(file) ? Files.readString(file, StandardCharsets.UTF_8) : "";
  }

  private static String classPath() {
    return System.getProperty("java.class.path");
  }

  @Test
  void aFullStandardOutputIsNoSuccess() throws Exception {
    File full = new File("/dev/full");
    assumeTrue(full.exists(), "this system has no /dev/full");
    for (String[] arguments :
        new String[][] {
          {"summary", "--json"}, {"summary"}, {"--help"}, {"train", "--help"}, {"--version"}
        }) {
      Ended ended = end(java(List.of(), classPath(), arguments).redirectOutput(full));
      assertThat(ended.code()).as(String.join(" ", arguments)).isEqualTo(1);
      assertThat(ended.err().lines().filter(l -> l.startsWith("jresnet: ")))
          .singleElement()
          .asString()
          .contains("standard output cannot be written (No space left on device)");
    }
  }

  @Test
  void aReaderThatHasSeenEnoughEndsItQuietly() throws Exception {
    Process process =
        java(List.of(), classPath(), "summary", "--model", "resnet152")
            .redirectOutput(ProcessBuilder.Redirect.PIPE)
            .start();
    process.getInputStream().close();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(Main.CLOSED_PIPE);
    assertThat(read("err")).isEmpty();
  }

  @Test
  void aFullHeapSaysWhatToDo() throws Exception {
    Ended ended =
        end(
            java(
                List.of("-Xmx24m"),
                classPath(),
                "bench",
                "--no-check",
                "--batch",
                "400",
                "--steps",
                "1"));
    assertThat(ended.code()).as(ended.err()).isEqualTo(1);
    assertThat(ended.err())
        .contains("jresnet: the Java heap of")
        .contains("JRESNET_OPTS=-Xmx")
        .doesNotContain("\tat ");
  }

  @Test
  void aLostLibrarySaysWhatToDo() throws Exception {
    Ended ended = end(java(List.of(), without("jackson-databind"), "summary", "--json"));
    assertThat(ended.code()).as(ended.err()).isEqualTo(1);
    assertThat(ended.err())
        .contains("\njresnet: a library that belongs to jresnet does not load")
        .contains("doctor")
        .doesNotContain("\tat ");
    // Newer Java warns of native access that nobody allowed.
    List<String> allowed = List.of("--enable-native-access=ALL-UNNAMED");
    Ended natives = end(java(allowed, without("linux-x86_64"), "bench", "--no-check"));
    assertThat(natives.code()).as(natives.err()).isEqualTo(1);
    assertThat(natives.err()).startsWith("jresnet: ").contains("doctor").hasLineCount(1);
  }

  @Test
  void benchMeasuresSeveralThreadCountsInProcessesOfTheirOwn() throws Exception {
    Ended ended =
        end(
            java(
                List.of("--enable-native-access=ALL-UNNAMED"),
                classPath(),
                "bench",
                "--threads",
                "1,2",
                "--model",
                "resnet18",
                "--size",
                "32",
                "--batch",
                "1",
                "--steps",
                "1",
                "--seconds",
                "0",
                "--precision",
                "fp32",
                "--work",
                "infer",
                "--no-check",
                "--json"));
    assertThat(ended.code()).as(ended.err()).isZero();
    assertThat(ended.out().lines())
        .hasSize(2)
        .satisfiesExactly(
            one -> assertThat(one).contains("\"threads\":1", " 1 thread"),
            two -> assertThat(two).contains("\"threads\":2", " 2 threads"));
    Ended other = end(java(List.of(), classPath(), "doctor", "--threads", "1,2"));
    assertThat(other.code()).isEqualTo(2);
  }

  private static String without(String jar) {
    String rest =
        Arrays.stream(classPath().split(File.pathSeparator))
            .filter(entry -> !entry.contains(jar))
            .collect(Collectors.joining(File.pathSeparator));
    assertThat(rest).isNotEqualTo(classPath());
    return rest;
  }
}
