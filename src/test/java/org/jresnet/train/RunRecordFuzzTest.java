package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.base.Json;
import org.jresnet.base.UserError;
import org.jresnet.testing.Bounded;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code run.json}: refused with its name, or written again and read equal. */
class RunRecordFuzzTest {
  private static final Bounded.Limits LIMITS = new Bounded.Limits(2, 20, 64 << 20, 400);

  @TempDir private static Path folder;

  static Stream<Arguments> seeds() {
    RunRecord record =
        new RunRecord(
            TinyRun.options(Path.of("/data"), 3),
            List.of("a", "b"),
            "00",
            "11",
            "",
            "1.0",
            "17",
            "cpu",
            "22",
            new DataUse(
                3,
                List.of(new DataUse.LeftOut("a/b.jpg", "test", "is empty")),
                List.of(new DataUse.TestLook(10, 4, "ab", "2026-01-02T03:04:05Z")),
                5),
            List.of(new RankUse(0, 0, 4, 128, 4e-3), new RankUse(3, 96, 2, 64, 2e-3)));
    return Stream.of(
        Arguments.of(
            (Object) Json.pretty(record).getBytes(java.nio.charset.StandardCharsets.UTF_8)),
        Arguments.of(
            (Object) "[[[{\"a\":null}]]]".getBytes(java.nio.charset.StandardCharsets.UTF_8)));
  }

  @MethodSource("seeds")
  @FuzzTest
  void reads(byte[] bytes) throws Exception {
    Path file = folder.resolve("run.json");
    Files.write(file, bytes);
    Bounded.run(
        LIMITS,
        bytes.length,
        () -> {
          try {
            RunRecord record = Json.read(file, "the record of the run", RunRecord.class);
            assertThat(Json.parse("again", Json.pretty(record), RunRecord.class)).isEqualTo(record);
          } catch (UserError e) {
            assertThat(e.getMessage()).contains(file.toString());
          }
          return null;
        });
  }
}
