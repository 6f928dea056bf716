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
  private static final Bounded.Limits LIMITS = new Bounded.Limits(2, 20, 8 << 20, 200);

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

  /** What was read and is written in either form is read again, equal, and written the same. */
  static void survivesWriting(Path folder, Optional<StateDict> dict) throws IOException {
    if (dict.isPresent()) {
      survives(folder.resolve("again.safetensors"), dict.get());
      survives(folder.resolve("again.pth"), dict.get());
    }
  }

  /** What was read and is written is read again, equal, and then written the same. */
  static void survives(Path file, StateDict dict) throws IOException {
    WeightFiles.write(file, dict);
    byte[] first = Files.readAllBytes(file);
    StateDict again = WeightFiles.read(file);
    assertThat(again.tensors()).as(file.toString()).isEqualTo(dict.tensors());
    WeightFiles.write(file, again);
    assertThat(Files.readAllBytes(file)).isEqualTo(first);
  }
}
