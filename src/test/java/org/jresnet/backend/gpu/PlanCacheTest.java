package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlanCacheTest {
  private static final Choice CHOICE =
      new Choice("BF16 convolution", 62, 3, 33, false, false, 131, 1 << 20, 0.25);

  @TempDir Path folder;

  private PlanCache open() {
    return new PlanCache(folder, "NVIDIA H200", "9.19.0");
  }

  @Test
  void remembersAcrossRuns() {
    PlanCache cache = open();
    cache.put("a key", CHOICE);
    assertThat(cache.file()).hasFileName("plans-NVIDIA-H200-cudnn-9.19.0.json");
    assertThat(open().get("a key")).contains(new PlanCache.Entry(62, 3, 0.25));
    assertThat(open().get("another key")).isEmpty();
  }

  @Test
  void anotherVersionOfCudnnStartsAnew() {
    PlanCache cache = open();
    cache.put("a key", CHOICE);
    assertThat(new PlanCache(folder, "NVIDIA H200", "9.20.0").get("a key")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "{\"plans\":3}",
        "{\"plans\":{\"a key\":{\"engine\":\"x\"}}}",
        "{\"plans\":{\"a key\":{\"engine\":1,\"candidate\":-1}}}"
      })
  void aBrokenFileIsIgnoredAndWrittenAnew(String text) throws IOException {
    PlanCache first = open();
    Files.writeString(first.file(), text);
    PlanCache cache = open();
    assertThat(cache.get("a key")).isEmpty();
    cache.put("a key", CHOICE);
    assertThat(open().get("a key")).isPresent();
  }

  @Test
  void leavesNoTemporaryFiles() throws IOException {
    PlanCache cache = open();
    cache.put("a key", CHOICE);
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(cache.file());
    }
  }
}
