package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code fingerprint train} and {@code fingerprint apply}. */
final class FingerprintTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path folder;
  private static Path real;
  private static Path fakes;
  private static Path run;

  @BeforeAll
  static void train() {
    DrawnFaces.write(folder.resolve("faces"), new DrawnFaces.Options(6, 32, 1), done -> {});
    real = folder.resolve("faces").resolve(DrawnFaces.CAMERA);
    fakes = folder.resolve("faces").resolve(DrawnFaces.GENERATED);
    run = folder.resolve("ae");
    Cli.Result result =
        Cli.jresnet(
            "fingerprint", "train", real, "--out", run, "--epochs", 2, "--batch", 4, "--size", 16);
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out()).contains("Epoch   1", "PSNR", "fingerprint apply " + run);
  }

  @Test
  void theRecordSaysHowItWasTrained() throws IOException {
    JsonNode record = JSON.readTree(Files.readString(run.resolve("fingerprint.json")));
    assertThat(record.get("images").asInt()).isEqualTo(5);
    assertThat(record.get("held_out").asInt()).isEqualTo(1);
    assertThat(record.get("epochs")).hasSize(2);
    assertThat(record.get("best_epoch").asInt()).isBetween(1, 2);
    assertThat(record.get("options").get("width").asInt()).isEqualTo(32);
  }

  @Test
  void everyFakeIsDrawnAnewAndMeasured() throws IOException {
    Path out = folder.resolve("removed");
    Path csv = folder.resolve("psnr.csv");
    Cli.Result result =
        Cli.jresnet("fingerprint", "apply", run, fakes, out, "--jpeg", 95, "--csv", csv, "--json");
    assertThat(result.code()).as(result.err()).isZero();
    JsonNode values = JSON.readTree(result.out());
    assertThat(values.get("images").asInt()).isEqualTo(6);
    double mean = values.get("psnr_mean").asDouble();
    assertThat(mean)
        .isBetween(values.get("psnr_min").asDouble(), values.get("psnr_max").asDouble());
    List<String> lines = Files.readAllLines(csv);
    assertThat(lines).hasSize(7);
    assertThat(lines.get(0)).isEqualTo("file,out,psnr,error");
    assertThat(out.resolve("00005.jpg")).exists();
    Cli.Result again = Cli.jresnet("fingerprint", "apply", run, fakes, out, "--jpeg", 95);
    assertThat(again.code()).isEqualTo(1);
    assertThat(again.err()).contains("00000.jpg exists, and nothing is replaced");
  }

  @Test
  void anImageThatIsNoneIsNamedAndTheOthersAreDrawn() throws IOException {
    Path mixed = Files.createDirectory(folder.resolve("mixed"));
    Files.copy(fakes.resolve("00000.jpg"), mixed.resolve("good.jpg"));
    Files.writeString(mixed.resolve("bad.jpg"), "no image");
    Cli.Result result =
        Cli.jresnet("fingerprint", "apply", run, mixed, folder.resolve("mixed-out"));
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("bad.jpg", "1 of 2 images could not be drawn anew");
    assertThat(folder.resolve("mixed-out/good.png")).exists();
  }

  @Test
  void badInputIsRefusedWithItsReason() throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    Path one = Files.createDirectory(folder.resolve("one"));
    Files.copy(fakes.resolve("00000.jpg"), one.resolve("a.jpg"));
    Path out = folder.resolve("never");
    refused(2, "name what to do");
    refused(2, "Missing required", "train");
    refused(1, "found no ", "train", empty, "--out", out);
    refused(1, "at least 2 images", "train", one, "--out", out, "--size", 16, "--batch", 2);
    refused(1, "is none", "train", folder.resolve("nosuch"), "--out", out);
    refused(1, "is not empty; use --resume", "train", real, "--out", run);
    refused(2, "--precision must be fp32", "train", real, "--out", out, "--precision", "bf16");
    refused(2, "--size must be", "train", real, "--out", out, "--size", 4);
    refused(1, "found no ", "apply", run, empty, out);
    refused(1, "is a folder without autoencoder", "apply", folder, fakes, out);
    Files.copy(fakes.resolve("00000.jpg"), one.resolve("a.jpeg"));
    refused(1, "would both become", "apply", run, one, out);
  }

  private static void refused(int code, String reason, Object... more) {
    Object[] arguments = new Object[1 + more.length];
    arguments[0] = "fingerprint";
    System.arraycopy(more, 0, arguments, 1, more.length);
    Cli.Result result = Cli.jresnet(arguments);
    assertThat(result.code()).as(result.err()).isEqualTo(code);
    assertThat(result.err()).contains(reason);
  }
}
