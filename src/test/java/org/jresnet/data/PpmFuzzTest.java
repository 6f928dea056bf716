package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PpmFuzzTest {
  private static final Path NAME = Path.of("image.ppm");

  @TempDir private static Path folder;

  static Stream<Arguments> seeds() {
    return Stream.of("P6\n2 1\n255\nabcdef", "P6 #by hand\n 1\t2 # rows\n255 abcdefmore")
        .map(s -> Arguments.of((Object) bytes(s)));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  @MethodSource("seeds")
  @FuzzTest
  void decodes(byte[] bytes) throws Exception {
    FuzzedImages.check(folder.resolve("image"), bytes);
  }

  @Test
  void pixelsAreTheBytesBehindTheHeader() throws Exception {
    for (String text : new String[] {"P6\n2 1\n255\nabc\n#f", "P6 # 9 9\n2 #x\r1 255 abc\n#f+"}) {
      RgbImage image = ImageDecoder.decode(NAME, bytes(text), ImageDecoder.Options.DEFAULT);
      assertThat(image.width()).isEqualTo(2);
      assertThat(image.height()).isEqualTo(1);
      assertThat(image.rgb()).isEqualTo(bytes("abc\n#f"));
    }
    refused("P6\n2 1\n255\nabcde", "ends before its last row");
    refused("P6\n2 1\n65535\nabcdefabcdef", "with values up to 65535, expected up to 255");
    refused("P6\n2\n", "the file ends inside its header");
    refused("P6\n0 1\n255\n", "its header says 0x1 pixels");
    refused("P62 1\n255\nabcdef", "no blank where one belongs");
    refused("P6\n2 x\n255\nabcdef", "lacks a number");
    refused("P6\n999999999 999999999\n255\na", "more than the limit");
    refused("P5\n2 1\n255\nab", "is a");
  }

  private static void refused(String text, String message) {
    assertThatThrownBy(() -> ImageDecoder.decode(NAME, bytes(text), ImageDecoder.Options.DEFAULT))
        .isInstanceOf(BadImageException.class)
        .hasMessageContaining("image.ppm: ")
        .hasMessageContaining(message);
  }
}
