package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A box, unpacked and run as on another machine. */
final class BundleCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private static Path folder;
  private static Path run;
  private static Path box;
  private static JsonNode made;

  private record Ended(int code, String text) {}

  @BeforeAll
  static void make() throws Exception {
    Path faces = folder.resolve("faces");
    run = folder.resolve("run");
    DrawnFaces.write(faces, new DrawnFaces.Options(20, 32, 1), done -> {});
    Result trained =
        Cli.jresnet(
            "train",
            faces,
            "--out",
            run,
            "--model=resnet18",
            "--width=8",
            "--size=32",
            "--batch=8",
            "--precision=fp32",
            "--epochs=2");
    assertThat(trained.code()).as(trained.err()).isZero();
    Path archive = folder.resolve("box.tar.gz");
    Result result = Cli.jresnet("bundle", run, archive, "--target=n5105", "--golden=3", "--json");
    assertThat(result.code()).as(result.err()).isZero();
    made = JSON.readTree(result.out());
    Ended unpacked = start(folder, "tar", "-xf", archive.toString());
    assertThat(unpacked.code).as(unpacked.text).isZero();
    box = folder.resolve("box");
  }

  private static Ended start(Path in, String... line) throws Exception {
    ProcessBuilder builder = new ProcessBuilder(line).directory(in.toFile());
    builder.redirectErrorStream(true).environment().put("ONEDNN_MAX_CPU_ISA", "SSE41");
    Process process = builder.start();
    process.getOutputStream().close();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(100, TimeUnit.SECONDS)).isTrue();
    return new Ended(process.exitValue(), text);
  }

  @Test
  void theBoxRunsByItselfAndFindsWhatWasChanged() throws Exception {
    Ended good = start(folder, box.resolve("verify").toString());
    assertThat(good.code).as(good.text).isZero();
    assertThat(good.text.strip().lines().reduce((a, b) -> b).orElseThrow()).startsWith("OK");
    Path labels = box.resolve("labels.json");
    String text = Files.readString(labels);
    Files.writeString(labels, text + " ");
    Ended bad = start(folder, box.resolve("verify").toString());
    Files.writeString(labels, text);
    assertThat(bad.code).isEqualTo(1);
    assertThat(bad.text).contains("labels.json is not as it was made").contains("FAILED");
  }

  @Test
  void itPredictsAndIsTimed() throws Exception {
    Path image = run.resolveSibling("faces").resolve("camera/00000.jpg");
    Ended predicted = start(folder, box.resolve("predict").toString(), image.toString());
    assertThat(predicted.code).as(predicted.text).isZero();
    assertThat(predicted.text).contains("00000.jpg");
    Ended timed = start(folder, box.resolve("bench").toString(), "0.2");
    assertThat(timed.code).as(timed.text).isZero();
    assertThat(timed.text).contains("median").contains("images/s");
  }

  @Test
  void theManifestSaysWhatWasMeasuredAndWhereItComesFrom() throws IOException {
    JsonNode manifest = JSON.readTree(box.resolve("manifest.json").toFile());
    assertThat(manifest.at("/provenance/network").asText()).isEqualTo("resnet18");
    assertThat(manifest.at("/provenance/data").asText()).hasSize(64);
    assertThat(manifest.get("models")).isNotEmpty();
    for (JsonNode model : manifest.get("models")) {
      assertThat(model.get("images").asInt()).isEqualTo(6);
      assertThat(model.get("same").asInt()).isEqualTo(6);
      assertThat(model.get("tolerance").asDouble()).isPositive();
    }
    List<String> files;
    try (Stream<Path> all = Files.walk(box)) {
      files =
          all.filter(Files::isRegularFile)
              .map(f -> box.relativize(f).toString())
              .filter(f -> !f.equals("manifest.json") && !f.startsWith(".cache/"))
              .toList();
    }
    assertThat(manifest.get("files").properties().stream().map(e -> e.getKey()))
        .containsExactlyInAnyOrderElementsOf(files);
    assertThat(made.get("bytes").asLong()).isEqualTo(Files.size(folder.resolve("box.tar.gz")));
  }

  private static void refused(int code, String says, Object... line) {
    Result result = Cli.jresnet(line);
    assertThat(result.code()).as(result.err()).isEqualTo(code);
    assertThat(result.err()).contains(says);
  }

  @Test
  void badInputIsRefused() throws IOException {
    Path x = folder.resolve("x.tar.xz");
    refused(2, "known: n5105", "bundle", run, x, "--target=toaster");
    refused(2, "must end in", "bundle", run, folder.resolve("x.zip"), "--target=n5105");
    refused(1, "exists", "bundle", run, folder.resolve("box.tar.gz"), "--target=n5105");
    Path alone = folder.resolve("alone.safetensors");
    Files.copy(run.resolve("best.safetensors"), alone);
    refused(2, "--data", "bundle", alone, x, "--target=n5105");
    refused(1, "unpack", "verify", folder.resolve("box.tar.gz"));
    refused(1, "manifest", "verify", run);
    Path outside = Files.createDirectory(folder.resolve("outside"));
    Files.writeString(
        outside.resolve("manifest.json"),
        Files.readString(box.resolve("manifest.json"))
            .replace("models/detector.safetensors", "../alone.safetensors"));
    refused(1, "not in the box", "verify", outside);
    try (Stream<Path> all = Files.list(folder)) {
      assertThat(all.map(f -> f.getFileName().toString()).filter(n -> n.startsWith("."))).isEmpty();
    }
  }
}
