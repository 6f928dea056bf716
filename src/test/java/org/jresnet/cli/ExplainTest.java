package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code predict --explain}. */
final class ExplainTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path folder;
  private static Path run;
  private static Path image;

  @BeforeAll
  static void train() {
    Path faces = folder.resolve("faces");
    run = folder.resolve("run");
    image = faces.resolve("camera").resolve("00000.jpg");
    DrawnFaces.write(faces, new DrawnFaces.Options(10, 32, 1), done -> {});
    Cli.Result result =
        Cli.jresnet(
            "train",
            faces,
            "--out",
            run,
            "--model",
            "resnet18",
            "--width",
            8,
            "--size",
            32,
            "--batch",
            4,
            "--epochs",
            1,
            "--precision",
            "fp32");
    assertThat(result.code()).as(result.err()).isZero();
  }

  @Test
  void anImageIsExplainedInPicturesAndNumbers() throws IOException {
    Path out = folder.resolve("out");
    Cli.Result result =
        Cli.jresnet(
            "predict",
            run,
            image,
            "--explain",
            out,
            "--layer",
            "layer2.1.relu",
            "--json",
            "--precision",
            "fp32");
    assertThat(result.code()).as(result.err()).isZero();
    JsonNode prediction = JSON.readTree(result.out());
    Path json = out.resolve("00000.jpg.explanation.json");
    assertThat(prediction.get("explanation").asText()).isEqualTo(json.toString());
    JsonNode e = JSON.readTree(Files.readString(json));
    assertThat(e.get("class").asText()).isEqualTo(prediction.get("class").asText());
    assertThat(e.get("file").asText()).isEqualTo(image.toString());
    // The prediction is computed in inference, with batch norms folded into convolutions.
    assertThat(e.get("probability").asDouble())
        .isCloseTo(prediction.get("probability").asDouble(), within(1e-4));
    assertThat(e.get("layer").asText()).isEqualTo("layer2.1.relu");
    assertThat(e.get("map")).hasSize(4);
    assertThat(e.get("map").get(0)).hasSize(4);
    assertThat(e.get("bands")).hasSize(8);
    assertThat(e.get("peak").get("x").asDouble()).isBetween(0.0, 1.0);
    BufferedImage overlay = ImageIO.read(out.resolve("00000.jpg.gradcam.png").toFile());
    assertThat(overlay.getWidth()).isGreaterThan(2 * 256);
    BufferedImage bands = ImageIO.read(out.resolve("00000.jpg.bands.png").toFile());
    assertThat(bands.getWidth()).isEqualTo(720);
    assertThat(bands.getHeight()).isEqualTo(420);
  }

  @Test
  void nothingIsReplacedUnasked() throws IOException {
    Path out = Files.createDirectory(folder.resolve("taken"));
    Path there = Files.writeString(out.resolve("00000.jpg.bands.png"), "mine");
    Cli.Result refused = Cli.jresnet("predict", run, image, "--explain", out);
    assertThat(refused.code()).isEqualTo(1);
    assertThat(refused.err()).contains(there + " exists; use --overwrite");
    assertThat(refused.out()).doesNotContain("camera  ");
    assertThat(there).hasContent("mine");
    Cli.Result replaced = Cli.jresnet("predict", run, image, "--explain", out, "--overwrite");
    assertThat(replaced.code()).as(replaced.err()).isZero();
    assertThat(ImageIO.read(there.toFile())).isNotNull();
  }

  @Test
  void imagesOfOneNameHaveFilesOfTheirOwnAndBadOnesAreNamed() throws IOException {
    Path out = folder.resolve("several");
    Path broken = Files.writeString(folder.resolve("broken.jpg"), "no image");
    Path other = image.getParent().resolveSibling("generated").resolve("00000.jpg");
    Cli.Result result = Cli.jresnet("predict", run, image, other, broken, "--explain", out);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("broken.jpg", "1 of 3 images");
    assertThat(out.resolve("00000.jpg.explanation.json")).exists();
    assertThat(out.resolve("00000.jpg-2.explanation.json")).exists();
    assertThat(out.resolve("broken.jpg.explanation.json")).doesNotExist();
  }

  @Test
  void whatCannotBeExplainedIsRefused() throws IOException {
    Path out = folder.resolve("none");
    refused(1, "no node named layer9", "--explain", out, "--layer", "layer9");
    refused(2, "--layer belongs to --explain", "--layer", "layer1.0.relu");
    Path file = Files.writeString(folder.resolve("file"), "x");
    refused(1, "cannot be made", "--explain", file);
  }

  private static void refused(int code, String reason, Object... more) {
    Object[] arguments = new Object[3 + more.length];
    arguments[0] = "predict";
    arguments[1] = run;
    arguments[2] = image;
    System.arraycopy(more, 0, arguments, 3, more.length);
    Cli.Result result = Cli.jresnet(arguments);
    assertThat(result.code()).as(result.err()).isEqualTo(code);
    assertThat(result.err()).contains(reason);
  }
}
