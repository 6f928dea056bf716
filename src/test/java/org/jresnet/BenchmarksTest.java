package org.jresnet;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.testing.Compilation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The benchmarks in src/jmh compile with the code that they measure. Only the profile jmh builds
 * and runs them, so nobody else would see that a change has broken them.
 */
final class BenchmarksTest {
  @TempDir Path classes;

  @Test
  void benchmarksCompile() throws Exception {
    List<Path> sources;
    try (Stream<Path> files = Files.walk(Path.of("src", "jmh", "java"))) {
      sources = files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
    }
    assertThat(sources).hasSizeGreaterThan(5);
    Compilation.require(
        "the benchmarks compile",
        sources,
        classes,
        List.of("--add-modules", "jdk.incubator.vector"));
  }
}
