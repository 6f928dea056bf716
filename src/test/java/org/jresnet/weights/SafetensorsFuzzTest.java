package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsFuzzTest {
  @TempDir private static Path folder;

  static Stream<Arguments> seeds() throws IOException {
    return Fuzzed.seeds("all.safetensors", "types.safetensors");
  }

  /** Bounds, the agreement with a second reader, and equality after writing. */
  @MethodSource("seeds")
  @FuzzTest
  void reads(byte[] bytes) throws Exception {
    Path file = folder.resolve("w");
    Fuzzed.read(file, bytes);
    // Without the checks of jresnet's own metadata, which are no matter of the format.
    Optional<StateDict> dict = Optional.empty();
    try (FileChannel channel = FileChannel.open(file)) {
      dict = Optional.of(Safetensors.read(file, channel));
    } catch (UserError e) {
      assertThat(e.getMessage()).contains(file.toString());
    }
    Optional<Map<String, String>> described = dict.map(PlainSafetensors::describe);
    assertThat(described).isEqualTo(PlainSafetensors.read(bytes));
    if (dict.isPresent()) {
      StateDict tensors = dict.get().withMetadata(Map.of());
      Fuzzed.survives(folder.resolve("again.safetensors"), tensors);
    }
  }
}
