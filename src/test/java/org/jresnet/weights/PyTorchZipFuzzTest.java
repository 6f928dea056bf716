package org.jresnet.weights;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PyTorchZipFuzzTest {
  @TempDir private static Path folder;

  static Stream<Arguments> seeds() throws IOException {
    return Fuzzed.seeds("zip.pth", "views.pth", "nested.pth", "protocol4.pth", "compiled.pth");
  }

  @MethodSource("seeds")
  @FuzzTest
  void reads(byte[] bytes) throws Exception {
    Fuzzed.survivesWriting(folder, Fuzzed.read(folder.resolve("w"), bytes));
  }
}
