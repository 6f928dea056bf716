package org.jresnet.data;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class TiffFuzzTest {
  @TempDir private static Path folder;

  static Stream<Arguments> seeds() throws IOException {
    return FuzzedImages.seeds("tiff-");
  }

  @MethodSource("seeds")
  @FuzzTest
  void decodes(byte[] bytes) throws Exception {
    FuzzedImages.check(folder.resolve("image"), bytes);
  }
}
