package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;
import static org.jresnet.cli.SmallRun.JSON;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.testing.SimulatedGpu;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Commands with {@code --jpeg-decoder nvjpeg}, on the simulated GPU. */
@Timeout(300)
final class GpuJpegRunTest {
  private static final int JPEGS = 1_000_008;

  @TempDir static Path folder;
  private static Path faces;
  private static Path run;

  @BeforeAll
  static void train() throws IOException {
    TestBackends.open("gpu").close();
    assumeTrue(
        Boolean.getBoolean("jresnet.test.simulated"), "counts what the simulated GPU decodes");
    faces = folder.resolve("faces");
    run = folder.resolve("run");
    DrawnFaces.write(faces, new DrawnFaces.Options(16, 32, 1), done -> {});
    // Two that the engines do not take.
    for (String name : List.of("jpeg-420-progressive.jpg", "jpeg-cmyk.jpg")) {
      try (InputStream in = GpuJpegRunTest.class.getResourceAsStream("/fixtures/images/" + name)) {
        Files.copy(in, faces.resolve("camera").resolve(name));
      }
    }
    int before = decoded();
    Result result = train("--out", run, "--epochs", 1, "--split=0.5,0.5", "--drop-last");
    assertThat(result.code()).as(result.err()).isZero();
    // 16 of 17 to train on, 17 to validate, less what the CPU decodes.
    assertThat(decoded() - before).isBetween(33 - 2, 33);
    assertThat(result.out() + result.err())
        .contains("2 of 34 images are decoded on the CPU, not by nvjpeg 13.1.0");
  }

  private static int decoded() {
    return SimulatedGpu.ask(JPEGS, 0);
  }

  private static Result train(Object... more) {
    return onGpu(
        List.of("train", faces, "--model=resnet18", "--width=8", "--size=32", "--batch=8"), more);
  }

  private static Result onGpu(List<Object> first, Object... more) {
    List<Object> all = new ArrayList<>(first);
    all.addAll(
        List.of(
            "--backend=gpu",
            "--precision=fp32",
            "--cuda-libs=" + SimulatedGpu.folder(),
            "--jpeg-decoder=nvjpeg"));
    all.addAll(List.of(more));
    return jresnet(all.toArray());
  }

  @Test
  void theRecordNamesDecoderAndVersion() throws IOException {
    JsonNode record = JSON.readTree(Files.readString(run.resolve("run.json")));
    assertThat(record.at("/options/input/preprocess/decoding/jpeg").asText())
        .isEqualTo("nvjpeg 13.1.0");
    assertThat(record.at("/dataUse/onCpu").asInt()).isEqualTo(2);
  }

  @Test
  void aRunGoesOnWithItsDecoderAlone() throws IOException {
    Path copy = copy("other-version");
    Path record = copy.resolve("run.json");
    String then = Files.readString(record);
    Files.writeString(record, then.replace("nvjpeg 13.1.0", "nvjpeg 13.0.9"));
    Result other = resume(copy);
    assertThat(other.code()).isEqualTo(1);
    assertThat(other.err())
        .contains("cannot be resumed", "decoding.jpeg was \"nvjpeg 13.0.9\", is \"nvjpeg 13.1.0\"");

    Result exact = resume(copy("on-cpu"), "--jpeg-decoder=cpu");
    assertThat(exact.code()).isEqualTo(2);
    assertThat(exact.err()).contains("--jpeg-decoder is cpu, the run has nvjpeg");

    Result without = resume(copy("no-gpu"), "--backend=cpu");
    assertThat(without.code()).isEqualTo(2);
    assertThat(without.err()).contains("--backend is cpu, the run has gpu");

    int before = decoded();
    Result same = resume(copy("same"));
    assertThat(same.code()).as(same.err()).isZero();
    assertThat(decoded() - before).isBetween(33 - 2, 33);
  }

  private static Result resume(Path out, Object... more) {
    List<Object> all = new ArrayList<>(List.of("train", "--out", out, "--resume"));
    all.addAll(List.of("--epochs", 2, "--cuda-libs=" + SimulatedGpu.folder()));
    all.addAll(List.of(more));
    return jresnet(all.toArray());
  }

  private static Path copy(String name) throws IOException {
    Path to = Files.createDirectories(folder.resolve(name));
    try (var files = Files.list(run)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
    return to;
  }

  @Test
  void evaluateAndPredictDecodeByIt() throws IOException {
    int before = decoded();
    Result evaluated = onGpu(List.of("evaluate", run, faces, "--name=gpu"));
    assertThat(evaluated.code()).as(evaluated.err()).isZero();
    assertThat(decoded() - before).isEqualTo(32);
    JsonNode saved = JSON.readTree(Files.readString(run.resolve("evaluations/gpu.json")));
    assertThat(saved.at("/environment/jpeg_decoder").asText()).isEqualTo("nvjpeg 13.1.0");

    Path table = folder.resolve("table.csv");
    before = decoded();
    Result predicted = onGpu(List.of("predict", run, faces, "--csv", table, "--shard=1/2"));
    assertThat(predicted.code()).as(predicted.err()).isZero();
    assertThat(decoded() - before).isBetween(15, 17);
    Result other =
        jresnet(
            "predict",
            run,
            faces,
            "--csv",
            table,
            "--shard=1/2",
            "--backend=gpu",
            "--precision=fp32",
            "--cuda-libs=" + SimulatedGpu.folder());
    assertThat(other.code()).isEqualTo(1);
    assertThat(other.err()).contains("made.jpeg_decoder was \"nvjpeg 13.1.0\", is \"cpu\"");
  }

  @Test
  void withoutAGpuNothingIsBegun() {
    Path out = folder.resolve("none");
    Result result =
        jresnet(
            "train",
            faces,
            "--out",
            out,
            "--model=resnet18",
            "--backend=cpu",
            "--jpeg-decoder",
            "nvjpeg");
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err())
        .contains("--jpeg-decoder nvjpeg decodes on an NVIDIA GPU, the backend is cpu");
    assertThat(out.resolve("run.json")).doesNotExist();
  }

  /** A version is what records name, and nobody can ask for. */
  @Test
  void aVersionCannotBeAskedFor() {
    for (String decoder : List.of("nvjpeg 12.0", "cpu 1")) {
      Result result =
          jresnet("train", faces, "--out", folder.resolve("none"), "--jpeg-decoder", decoder);
      assertThat(result.code()).isEqualTo(2);
      assertThat(result.err()).contains("unknown JPEG decoder '" + decoder + "'");
    }
  }
}
