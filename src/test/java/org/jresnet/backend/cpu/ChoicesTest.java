package org.jresnet.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which candidate computes, and where that is remembered. */
class ChoicesTest {
  private static final String A = "forward of a";
  private static final String B = "forward of b";

  @TempDir Path folder;

  private Choices choices() {
    return new Choices(folder, "AMD EPYC 26-2, 2 threads");
  }

  private Path file() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> all = files.toList();
      assertThat(all).hasSize(1);
      return all.get(0);
    }
  }

  @Test
  void theFastestWinsAndIsRemembered() throws IOException {
    choices().put(A, Map.of("onednn", 4.0, "winograd", 2.0));
    assertThat(choices().winner(A)).contains("winograd");
    assertThat(choices().times(A)).containsEntry("onednn", 4.0);
    assertThat(choices().winner(B)).isEmpty();
    assertThat(Files.readString(file())).contains(A).contains("winograd");
  }

  @Test
  void noiseDoesNotReplaceTheLibrary() {
    Choices choices = choices();
    choices.put(A, Map.of("onednn", 4.0, "winograd", 3.9));
    choices.put(B, Map.of("winograd", 3.9));
    assertThat(choices.winner(A)).contains("onednn");
    assertThat(choices.winner(B)).contains("winograd");
  }

  @Test
  void whatARunWasStartedWithStands() {
    Choices choices = choices();
    choices.put(A, Map.of("onednn", 4.0, "winograd", 2.0));
    choices.put(B, Map.of("onednn", 4.0, "winograd", 2.0));
    choices.stand(Map.of(A, "winograd"));
    assertThat(choices.winner(A)).contains("winograd");
    assertThat(choices.winner(B)).as("there was no choice then").contains("onednn");
    choices.stand(Map.of(A, "onednn"));
    assertThat(choices.winner(A)).contains("onednn");
    choices.use(A, "onednn");
    assertThat(choices.used()).containsExactly(Map.entry(A, "onednn"));
  }

  @Test
  void processesThatRaceAtTheSameTimeKeepEachOthersResults() {
    Choices first = choices();
    Choices second = choices();
    first.put(A, Map.of("onednn", 4.0));
    second.put(B, Map.of("onednn", 5.0));
    assertThat(choices().winner(A)).contains("onednn");
    assertThat(choices().winner(B)).contains("onednn");
  }

  @Test
  void aDamagedFileIsLeftOutAndWrittenAnew() throws IOException {
    choices().put(A, Map.of("onednn", 4.0));
    for (String damaged : List.of("{", "[]", "{\"a\": null}", "{\"a\": {\"onednn\": null}}", "")) {
      Files.writeString(file(), damaged);
      assertThat(choices().winner(A)).as(damaged).isEmpty();
    }
    choices().put(B, Map.of("onednn", 4.0));
    assertThat(choices().winner(B)).contains("onednn");
  }
}
