package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.jresnet.testing.Bounded;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code split.csv}: refused with its name, or written again and read equal. */
class SplitCsvFuzzTest {
  private static final Bounded.Limits LIMITS = new Bounded.Limits(2, 40, 64 << 20, 2000);

  @TempDir private static Path folder;

  static Stream<Arguments> seeds() {
    String plain = "file,class,split\na/1.png,a,train\nb/1.png,b,train\na/2.png,a,val\n";
    String odd = plain + "\"b/x,\"\"y\nz.png\",b,test\n'=b/3.png,b,val\n";
    return Stream.of(plain, odd)
        .map(s -> Arguments.of((Object) s.getBytes(StandardCharsets.UTF_8)));
  }

  @MethodSource("seeds")
  @FuzzTest
  void reads(byte[] bytes) throws Exception {
    Path file = folder.resolve("split.csv");
    Files.write(file, bytes);
    Bounded.run(
        LIMITS,
        bytes.length,
        () -> {
          try {
            Split split = Split.readCsv(file, Path.of("/data"));
            Path again = folder.resolve("again.csv");
            Files.writeString(again, String.join("\n", split.csv()) + "\n");
            assertThat(Split.readCsv(again, Path.of("/data"))).isEqualTo(split);
          } catch (UserError e) {
            assertThat(e.getMessage()).contains(file.toString());
          }
          return null;
        });
  }
}
