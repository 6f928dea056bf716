package org.jresnet.weights;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PyTorchLegacyFuzzTest {
  @TempDir private static Path folder;

  static Stream<Arguments> seeds() throws IOException {
    return Fuzzed.seeds(
        "legacy.pth", "views-legacy.pth", "nested-legacy.pth", "python2.pth", "types-legacy.pth");
  }

  @MethodSource("seeds")
  @FuzzTest
  void reads(byte[] bytes) throws Exception {
    Fuzzed.survivesWriting(folder, Fuzzed.read(folder.resolve("w"), bytes));
  }
}
