package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jresnet.inspect.exercise.Exercise;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jresnet exercise} as a learner meets it. */
final class ExerciseCommandTest {
  @Test
  void everyExerciseIsListedWithItsLesson() {
    Cli.Result result = jresnet("exercise");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(Exercise.all()).isNotEmpty();
    for (Exercise e : Exercise.all()) {
      assertThat(result.out()).contains(e.id(), e.title(), "docs/course/" + e.lesson());
    }
  }

  @Test
  void theFirstCallWritesTheStubAndTheNextOnesGradeIt(@TempDir Path folder) throws Exception {
    Path mine = folder.resolve("new/mine");
    Cli.Result first = jresnet("exercise", "conv", "--dir", mine);
    assertThat(first.code()).as(first.err()).isZero();
    assertThat(first.out()).contains("Wrote " + mine.resolve("Conv.java"));
    Cli.Result second = jresnet("exercise", "conv", "--dir", mine, "--json");
    assertThat(second.code()).isEqualTo(1);
    assertThat(second.err()).contains("forward is not written yet", "Grade: 0 of 8 checks passed");
    JsonNode grade = new ObjectMapper().readTree(second.out());
    assertThat(grade.get("exercise").asText()).isEqualTo("conv");
    assertThat(grade.get("passed").asBoolean()).isFalse();
    assertThat(grade.get("of").asInt()).isEqualTo(8);
    assertThat(grade.get("checks").get(0).get("problem").asText())
        .isEqualTo("forward is not written yet");
    assertThat(Files.readString(mine.resolve("Conv.java"))).isEqualTo(Exercise.of("conv").stub());
  }

  @Test
  void aSolutionEndsWith0(@TempDir Path folder) throws Exception {
    Files.copy(
        Path.of("src/test/resources/org/jresnet/inspect/exercise/solutions/Conv.java"),
        folder.resolve("Conv.java"));
    Cli.Result result = jresnet("exercise", "conv", "--dir", folder);
    assertThat(result.code()).as(result.out()).isZero();
    assertThat(result.out())
        .contains("Grade: 8 of 8 checks passed. Well done.", "resnet50 with your 53 convolutions");
  }

  @Test
  void anUnknownNameIsWrongUsage(@TempDir Path folder) {
    Cli.Result result = jresnet("exercise", "cnov", "--dir", folder);
    assertThat(result.code()).isEqualTo(2);
    assertThat(result.err()).contains("unknown exercise 'cnov'; known: conv");
    assertThat(folder).isEmptyDirectory();
  }

  /** The modules of a bundle, which has no compiler. */
  @Test
  void aJavaWithoutACompilerIsNamed(@TempDir Path folder) throws Exception {
    Files.writeString(folder.resolve("Conv.java"), Exercise.of("conv").stub());
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--limit-modules",
                "java.base,java.desktop,java.logging,java.management,java.sql,jdk.unsupported",
                "org.jresnet.cli.Main",
                "exercise",
                "conv",
                "--dir",
                folder.toString())
            .redirectErrorStream(true);
    builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isEqualTo(1);
    assertThat(said).contains("has no compiler: exercises need a JDK, not a JRE or a bundle");
  }
}
