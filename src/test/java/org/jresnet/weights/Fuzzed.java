package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.jresnet.testing.Bounded;
import org.junit.jupiter.params.provider.Arguments;

/** What the fuzz tests of this package have in common. */
final class Fuzzed {
  /** Fuzzing slows code down, by about five. */
  private static final Bounded.Limits LIMITS = new Bounded.Limits(2, 20, 128 << 20, 200);

  private Fuzzed() {}

  /** Fixtures as inputs to start from. */
  static Stream<Arguments> seeds(String... files) throws IOException {
    Stream.Builder<Arguments> seeds = Stream.builder();
    for (String file : files) {
      seeds.add(Arguments.of((Object) Files.readAllBytes(Fixtures.file(file))));
    }
    return seeds.build();
  }

  /** Reads within bounds; what is refused, is refused with a message for the user. */
  static Optional<StateDict> read(Path file, byte[] bytes) throws Exception {
    Files.write(file, bytes);
    return Bounded.run(
        LIMITS,
        bytes.length,
        () -> {
          try {
            return Optional.of(WeightFiles.read(file));
          } catch (UserError e) {
            assertThat(e.getMessage()).contains(file.toString());
            return Optional.empty();
          }
        });
  }

  /** What was read and is written in either form is read again, equal. */
  static void survivesWriting(Path folder, StateDict dict) {
    for (String name : new String[] {"again.safetensors", "again.pth"}) {
      Path again = folder.resolve(name);
      WeightFiles.write(again, dict);
      assertThat(WeightFiles.read(again).tensors()).as(name).isEqualTo(dict.tensors());
    }
  }
}
