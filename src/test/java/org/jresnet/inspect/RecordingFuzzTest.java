package org.jresnet.inspect;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.base.Json;
import org.jresnet.base.UserError;
import org.jresnet.data.Preprocess;
import org.jresnet.graph.DType;
import org.jresnet.models.Architecture;
import org.jresnet.testing.Bounded;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.SafetensorsFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A recording: the bytes as a file, and as the facts in a file whose tensors are sound. */
class RecordingFuzzTest {
  private static final Bounded.Limits LIMITS = new Bounded.Limits(2, 40, 128 << 20, 600);

  @TempDir private static Path folder;

  private static void write(Path file, String facts) {
    float[] logits = {0.5f, -1};
    List<SafetensorsFile.Planned> tensors =
        List.of(
            new SafetensorsFile.Planned(
                Recording.INPUT, DType.U8, List.of(1L, 1L, 1L, 3L), () -> ByteBuffer.allocate(3)),
            new SafetensorsFile.Planned(
                Recording.LABELS,
                DType.I64,
                List.of(1L),
                () -> HostTensor.ofLongs(List.of(1L), 1).data()),
            new SafetensorsFile.Planned(
                Recording.LOGITS,
                DType.F32,
                List.of(1L, 2L),
                () -> HostTensor.ofFloats(List.of(1L, 2L), logits).data()),
            new SafetensorsFile.Planned(
                Recording.STATISTICS,
                DType.F64,
                List.of(1L, (long) TensorStatistics.ROW),
                () -> statistics(logits)));
    SafetensorsFile.write(
        file, tensors, Map.of(Recording.FORM, Recording.VERSION, Recording.FACTS, facts));
  }

  private static ByteBuffer statistics(float[] values) {
    ByteBuffer row =
        ByteBuffer.allocate(TensorStatistics.ROW * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    TensorStatistics.of(values).into(row.asDoubleBuffer());
    return row;
  }

  private static StepFacts facts() {
    return new StepFacts(
        ModelFiles.info(
            Architecture.of("resnet18"),
            4,
            List.of("a", "b"),
            new Preprocess(1, Preprocess.Mode.STRETCH)),
        Pass.TRAINING,
        Precision.FP32,
        "cpu",
        "any",
        "0",
        List.of("a.png"),
        List.of("conv1"),
        false,
        0.7,
        StepStart.ADAM,
        1,
        List.of(),
        0,
        0);
  }

  static Stream<Arguments> seeds() throws Exception {
    Path seed = Files.createTempDirectory("seed").resolve("step.rec");
    write(seed, Json.line(facts()));
    byte[] bytes = Files.readAllBytes(seed);
    Files.delete(seed);
    Files.delete(seed.getParent());
    return Stream.of(
        Arguments.of((Object) bytes),
        Arguments.of((Object) Json.line(facts()).getBytes(StandardCharsets.UTF_8)));
  }

  @MethodSource("seeds")
  @FuzzTest
  void reads(byte[] bytes) throws Exception {
    Path raw = folder.resolve("raw.rec");
    Files.write(raw, bytes);
    Bounded.run(LIMITS, bytes.length, () -> read(raw));
    Path sound = folder.resolve("sound.rec");
    write(sound, new String(bytes, StandardCharsets.UTF_8));
    Bounded.run(LIMITS, bytes.length, () -> read(sound));
  }

  private static Void read(Path file) {
    try (Recording recording = Recording.open(file)) {
      assertThat(recording.facts().images())
          .hasSize(Math.toIntExact(recording.shape(Recording.INPUT).get(0)));
      for (String name : recording.tensors()) {
        assertThat(recording.tensor(name).shape()).isEqualTo(recording.shape(name));
        if (!List.of(Recording.INPUT, Recording.LABELS).contains(name)) {
          assertThat(recording.statistics(name).histogram()).hasSize(TensorStatistics.BINS);
        }
        assertThat(recording.values(name)).hasSize(recording.tensor(name).elements());
      }
      assertThat(recording.labels().length).isIn(0, recording.facts().images().size());
    } catch (UserError e) {
      assertThat(e.getMessage()).contains(file.toString());
    }
    return null;
  }

  @Test
  void theSeedIsARecording() {
    Path file = folder.resolve("seed.rec");
    write(file, Json.line(facts()));
    try (Recording recording = Recording.open(file)) {
      assertThat(recording.labels()).containsExactly(1);
      assertThat(recording.statistics(Recording.LOGITS).min()).isEqualTo(-1);
    }
  }
}
