package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What commands say about odd images and files, and the options that decide about them. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class ImageOptionsTest {
  private static final String LEFT_OUT =
      "note: 3 files are left out: 2 no images by their names, 1 hidden (camera/.hidden.jpg,"
          + " camera/notes.txt, camera/x\\u{1b}[2J.heic)";
  private static final String TURNED = "note: 2 of 42 images carry an EXIF orientation";
  private static final String SMALL =
      "note: 2 of 42 images are smaller than the model's input of 32x32 and enlarged, which adds"
          + " no detail; 2 with a side below 32 pixels";

  /** Of the training and validation sets: nobody looks into the sealed test set. */
  private static final String TRAINED_TURNED =
      "note: 1 of 36 images carries an EXIF orientation that turns the image, which is ignored";

  private static final String TRAINED_SMALL =
      "note: 1 of 36 images is smaller than the model's input of 32x32 and enlarged, which adds no"
          + " detail; 1 with a side below 32 pixels";

  private Path folder;
  private Path data;
  private Path run;
  private Result trained;

  @BeforeAll
  void trainOnce(@TempDir Path shared) throws IOException {
    folder = shared;
    data = folder.resolve("faces");
    run = folder.resolve("run");
    DrawnFaces.write(data, new DrawnFaces.Options(20, 32, 1), done -> {});
    Files.copy(fixture("jpeg-exif6.jpg"), data.resolve("camera/turned6.jpg"));
    Files.copy(fixture("jpeg-exif3.jpg"), data.resolve("camera/turned3.jpg"));
    Files.copy(fixture("jpeg-420.jpg"), data.resolve("camera/.hidden.jpg"));
    Files.writeString(data.resolve("camera/notes.txt"), "notes");
    Files.writeString(data.resolve("camera/x\u001b[2J.heic"), "no image");
    trained = train(run);
    assertThat(trained.code()).as(trained.err()).isZero();
  }

  private Result train(Path out, String... more) {
    Object[] arguments = {
      "train",
      data,
      "--out",
      out,
      "--epochs",
      1,
      "--model",
      "resnet18",
      "--width",
      "8",
      "--size",
      "32",
      "--batch",
      "8",
      "--precision",
      "fp32"
    };
    return Cli.jresnet(
        java.util.stream.Stream.concat(
                java.util.Arrays.stream(arguments), java.util.Arrays.stream(more))
            .toArray());
  }

  private static Path fixture(String name) {
    try {
      return Path.of(ImageOptionsTest.class.getResource("/fixtures/images/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void saysOnce(Result result, String... notes) {
    for (String note : notes) {
      assertThat(result.err()).containsOnlyOnce(note);
    }
    assertThat(result.err()).doesNotContain("\u001b");
  }

  @Test
  void trainingNamesWhatIsLeftOutTurnedAndSmall() throws IOException {
    saysOnce(trained, LEFT_OUT, TRAINED_TURNED, TRAINED_SMALL);
    assertThat(decoding(run).get("orientation").asText()).isEqualTo("IGNORE");
    assertThat(decoding(run).get("maxPixels").asLong()).isEqualTo(178_956_970);
  }

  @Test
  void soDoOtherCommands() {
    saysOnce(Cli.jresnet("evaluate", run, data, "--precision", "fp32"), LEFT_OUT, TURNED, SMALL);
    Path quantized = folder.resolve("q.safetensors");
    saysOnce(
        Cli.jresnet("quantize", run, data, "--out", quantized, "--images", "8"),
        LEFT_OUT,
        TURNED,
        SMALL);
    saysOnce(
        Cli.jresnet("predict", run, data.resolve("camera"), "--precision", "fp32"),
        "note: 3 files are left out: 2 no images by their names, 1 hidden (.hidden.jpg, notes.txt,",
        "note: 2 of 22 images carry an EXIF orientation",
        "note: 2 of 22 images are smaller than the model's input");
    Result single = Cli.jresnet("predict", run, fixture("jpeg-420.jpg"));
    assertThat(single.err()).doesNotContain("EXIF").doesNotContain("left out");
    assertThat(single.err()).doesNotContain("smaller");
  }

  @Test
  void exifRotateIsRecordedAndTurns() throws IOException {
    Path turned = folder.resolve("turned");
    Result result = train(turned, "--exif-rotate");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.err()).doesNotContain("EXIF");
    assertThat(decoding(turned).get("orientation").asText()).isEqualTo("APPLY");
    Path image = data.resolve("camera/turned6.jpg");
    Result lying = Cli.jresnet("predict", run, image, "--json", "--precision", "fp32");
    Result upright =
        Cli.jresnet("predict", run, image, "--json", "--precision", "fp32", "--exif-rotate");
    assertThat(lying.err()).contains("note: 1 of 1 image carries an EXIF orientation");
    assertThat(upright.err()).doesNotContain("EXIF");
    assertThat(probability(upright)).isNotEqualTo(probability(lying));
  }

  @Test
  void bombsFailAloneAndTheLimitIsAnOption() {
    Result result =
        Cli.jresnet(
            "predict",
            run,
            fixture("broken-png-bomb.png"),
            fixture("jpeg-420.jpg"),
            fixture("broken-jpeg-bomb.jpg"),
            fixture("webp-lossy.webp"),
            fixture("tiff-rgb-lzw.tif"),
            "--precision",
            "fp32",
            "--json");
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.out().lines()).hasSize(3);
    assertThat(result.err())
        .contains("has 50000x50000 pixels, more than the limit of 178956970 (--max-pixels)")
        .contains("has 65000x65000 pixels")
        .contains("2 of 5 images could not be classified");
    Result limited = Cli.jresnet("predict", run, fixture("jpeg-420.jpg"), "--max-pixels", "13432");
    assertThat(limited.code()).isEqualTo(1);
    assertThat(limited.err()).contains("133x101 pixels, more than the limit of 13432");
    assertThat(Cli.jresnet("predict", run, data, "--max-pixels", "0").code()).isEqualTo(2);
    assertThat(Cli.jresnet("predict", run, data, "--max-pixels", "715827883").code()).isEqualTo(2);
  }

  private static double probability(Result result) throws IOException {
    return new ObjectMapper().readTree(result.out()).get("probability").asDouble();
  }

  private static JsonNode decoding(Path folder) throws IOException {
    return new ObjectMapper()
        .readTree(folder.resolve("run.json").toFile())
        .at("/options/input/preprocess/decoding");
  }
}
