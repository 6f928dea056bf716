package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jresnet.backend.LossScale;
import org.jresnet.base.Json;
import org.jresnet.base.UserError;
import org.jresnet.testing.Bounded;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@code last.ckpt}: the bytes as a file, and as the position in a file whose digest fits, so that
 * the digest does not keep the fuzzer out. A position that a run can have is one: its epochs are
 * those of its history.
 */
class CheckpointFuzzTest {
  private static final Bounded.Limits LIMITS = new Bounded.Limits(2, 40, 128 << 20, 600);
  private static final Checkpoint.Limits RUN = new Checkpoint.Limits(5, 4, 20, 1, false);

  @TempDir private static Path folder;

  private static StateDict file(String position) {
    Map<String, HostTensor> tensors = Map.of("x", HostTensor.ofFloats(List.of(2L), new float[2]));
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("jresnet.checkpoint", position);
    metadata.put("jresnet.run", Json.line(identity()));
    metadata.put(CheckpointFile.DIGEST, CheckpointFile.digest(tensors, metadata));
    return new StateDict(tensors, metadata);
  }

  private static RunIdentity identity() {
    return new RunIdentity(
        TinyRun.options(Path.of("/data"), 3), List.of("a", "b"), "00", "11", "", "");
  }

  static Stream<Arguments> seeds() throws Exception {
    EpochResult result =
        new EpochResult(1, 1e-3, 0.7, 0.5, 0.6, 0.75, 100, 0.1, 2, Map.of("update_ratio", 0.01));
    Checkpoint position =
        new Checkpoint(1, 2, 1.5, 3, 8, 7, LossScale.State.START, 1, List.of(result), "00");
    Path seed = Files.createTempDirectory("seed").resolve("last.ckpt");
    WeightFiles.write(seed, file(Json.line(position)));
    byte[] bytes = Files.readAllBytes(seed);
    Files.delete(seed);
    Files.delete(seed.getParent());
    return Stream.of(
        Arguments.of((Object) bytes),
        Arguments.of((Object) Json.line(position).getBytes(StandardCharsets.UTF_8)));
  }

  @MethodSource("seeds")
  @FuzzTest
  void reads(byte[] bytes) throws Exception {
    Path raw = folder.resolve("raw.ckpt");
    Files.write(raw, bytes);
    Bounded.run(LIMITS, bytes.length, () -> read(raw));
    Path sealed = folder.resolve("sealed.ckpt");
    WeightFiles.write(sealed, file(new String(bytes, StandardCharsets.UTF_8)));
    Bounded.run(LIMITS, bytes.length, () -> read(sealed));
  }

  private static Void read(Path file) {
    try {
      CheckpointFile checkpoint = CheckpointFile.read(file);
      Checkpoint position = checkpoint.position();
      assertThat(Json.parse("again", Json.line(position), Checkpoint.class)).isEqualTo(position);
      position.requirePossible(file.toString(), RUN);
      assertThat(position.history()).hasSize(position.epoch());
      assertThat(position.batch()).isBetween(0, RUN.batches());
      assertThat(position.lossSum()).isFinite();
    } catch (UserError e) {
      assertThat(e.getMessage()).contains(file.toString());
    }
    return null;
  }
}
