package org.jresnet.export;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.jresnet.models.Architecture;
import org.jresnet.testing.Bounded;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class OnnxFuzzTest {
  /** Fuzzing slows code down, by about five; a network is built whatever the file's size. */
  private static final Bounded.Limits LIMITS = new Bounded.Limits(2, 20, 32 << 20, 400);

  @TempDir private static Path folder;

  static Stream<Arguments> seeds() throws Exception {
    Stream.Builder<Arguments> seeds = Stream.builder();
    for (String name : new String[] {"resnet18.dynamo.onnx", "resnet50.script.onnx"}) {
      seeds.add(Arguments.of((Object) Files.readAllBytes(OnnxImportTest.fixture(name))));
    }
    return seeds.build();
  }

  /** What is refused, is refused with a message for the user that names the file. */
  @MethodSource("seeds")
  @FuzzTest
  void reads(byte[] bytes) throws Exception {
    Path file = folder.resolve("f.onnx");
    Files.write(file, bytes);
    Architecture network = Architecture.of("resnet50");
    Bounded.run(
        LIMITS,
        bytes.length,
        () -> {
          try {
            return Optional.of(OnnxImport.read(file, Optional.of(network)));
          } catch (UserError e) {
            assertThat(e.getMessage()).contains(file.toString());
            return Optional.empty();
          }
        });
  }
}
