package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.data.Offset;
import org.jresnet.cli.Cli.Result;
import org.junit.jupiter.api.Test;

/**
 * What {@code predict} prints and writes, of good images and of bad ones, and of damaged weights.
 */
final class PredictCommandTest extends SmallRun {
  @Test
  void predictionGivesOneObjectPerImageAndNamesBadFiles() throws IOException {
    Path bad = Files.writeString(folder.resolve("bad.jpg"), "no image");
    Path csv = folder.resolve("out.csv");
    Result result =
        jresnet(
            "predict",
            run,
            faces.resolve("camera"),
            bad,
            "--precision",
            "fp32",
            "--json",
            "--csv",
            csv);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("bad.jpg").contains("1 of 21");
    List<String> lines = result.out().lines().toList();
    assertThat(lines).hasSize(20);
    JsonNode first = JSON.readTree(lines.get(0));
    double sum =
        first.at("/probabilities/camera").asDouble()
            + first.at("/probabilities/generated").asDouble();
    assertThat(sum).isBetween(0.999999, 1.000001);
    assertThat(first.get("probability").asDouble()).isGreaterThanOrEqualTo(0.5);
    assertThat(first.get("inference_ms").asDouble()).isPositive();
    assertThat(csv).content().hasLineCount(22).contains("p(generated)");
  }

  @Test
  void aTableIsRefusedBeforeTheWorkAndReplacedOnlyOnDemand() throws IOException {
    Path csv = Files.writeString(folder.resolve("mine.csv"), "mine");
    Path image = faces.resolve("camera/00001.jpg");
    // The model does not exist: what is said of the table is said before it is looked for.
    Path none = folder.resolve("none.pth");
    Result exists = jresnet("predict", none, image, "--csv", csv);
    assertThat(exists.code()).isEqualTo(1);
    assertThat(exists.err()).contains("mine.csv exists; use --overwrite");
    assertThat(csv).content().isEqualTo("mine");
    Path nowhere = folder.resolve("no where/x.csv");
    assertThat(jresnet("predict", none, image, "--csv", nowhere).err())
        .contains("does not exist; create it first: mkdir -p '" + nowhere.getParent() + "'");
    assertThat(jresnet("predict", none, image, "--csv", folder).err()).contains("is a folder");
    assertThat(jresnet("plan", "--device", "h200", "--csv", csv).err()).contains("--overwrite");
    assertThat(jresnet("profile", "--csv", csv).err()).contains("--overwrite");
    Result done =
        jresnet("predict", run, image, "--precision", "fp32", "--csv", csv, "--overwrite");
    assertThat(done.code()).as(done.err()).isZero();
    assertThat(csv).content().startsWith("file,class,probability,p(camera)").hasLineCount(2);
  }

  @Test
  void predictionEndsInASummary() {
    Result result = jresnet("predict", run, faces.resolve("camera"), "--precision", "fp32");
    List<String> lines = result.out().lines().toList();
    assertThat(lines.stream().filter(l -> l.contains("ms"))).hasSize(1);
    assertThat(lines.get(lines.size() - 2)).matches("20 images: \\d+ \\w+(, \\d+ \\w+)?");
    assertThat(lines.get(lines.size() - 1)).matches("Per image: preprocess .* ms, inference .*");
    assertThat(lines.get(1)).matches(".*00000.jpg  (camera|generated)  \\d+\\.\\d\\d %");
  }

  @Test
  void backendsAgreeOnAnImage() throws IOException {
    Path image = faces.resolve("generated/00003.jpg");
    double[] p = new double[2];
    for (String backend : List.of("cpu", "reference")) {
      String precision = backend.equals("cpu") ? "fp32" : "fp64";
      Result result =
          jresnet("predict", run, image, "--backend", backend, "--precision", precision, "--json");
      assertThat(result.code()).as(result.err()).isZero();
      p[backend.equals("cpu") ? 0 : 1] = JSON.readTree(result.out()).get("probability").asDouble();
    }
    assertThat(p[0]).isCloseTo(p[1], Offset.offset(1e-4));
  }

  @Test
  void damagedWeightsAreNamed() throws IOException {
    Path best = run.resolve("best.safetensors");
    Path cut = folder.resolve("cut.safetensors");
    byte[] bytes = Files.readAllBytes(best);
    Files.write(cut, Arrays.copyOf(bytes, bytes.length - 100));
    assertThat(jresnet("predict", cut, faces).err()).contains("truncated");
    Path huge = folder.resolve("huge.safetensors");
    try (RandomAccessFile file = new RandomAccessFile(huge.toFile(), "rw")) {
      file.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(1L << 31).array());
      file.write("{}".getBytes(StandardCharsets.US_ASCII));
    }
    assertThat(jresnet("predict", huge, faces).err()).contains("2147483648");
    Path pth = folder.resolve("wrong.pth");
    assertThat(jresnet("convert", run, pth, "--overwrite").code()).isZero();
    Result wrong = jresnet("predict", pth, faces, "--model", "resnet34");
    assertThat(wrong.code()).isEqualTo(1);
    assertThat(wrong.err())
        .contains("missing")
        .contains("wrong shape")
        .contains("conv1.weight: expected [64, 3, 7, 7]");
  }
}
