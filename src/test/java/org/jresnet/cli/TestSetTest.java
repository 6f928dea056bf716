package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.base.Digests;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sealed test set: training cannot read it, every opening is counted. */
final class TestSetTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private static Path folder;
  private static Path faces;
  private static Path trained;

  @TempDir private Path own;

  private static Result train(Path data, Path out, Object... more) {
    List<Object> line = new ArrayList<>(List.of("train", data, "--out", out));
    line.addAll(
        List.of("--model=resnet18", "--width=2", "--size=16", "--batch=8", "--precision=fp32"));
    line.addAll(List.of(more));
    return Cli.jresnet(line.toArray());
  }

  private static Result test(Object... more) {
    return Cli.jresnet(
        Stream.concat(Stream.of("evaluate", "--test", "--precision=fp32"), Stream.of(more))
            .toArray());
  }

  @BeforeAll
  static void trainOnce() {
    faces = folder.resolve("faces");
    trained = folder.resolve("run");
    DrawnFaces.write(faces, new DrawnFaces.Options(20, 32, 1), done -> {});
    Result result = train(faces, trained, "--epochs=2");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out()).doesNotContain("test set");
  }

  private Path copy(Path from, String name) throws IOException {
    Path to = own.resolve(name);
    try (Stream<Path> all = Files.walk(from)) {
      for (Path p : all.filter(f -> !f.endsWith(".lock")).toList()) {
        Path target = to.resolve(from.relativize(p).toString());
        if (Files.isDirectory(p)) {
          Files.createDirectories(target);
        } else {
          Files.copy(p, target);
        }
      }
    }
    return to;
  }

  private static List<String> testFiles(Path run) throws IOException {
    List<String> files =
        Files.readAllLines(run.resolve("split.csv")).stream()
            .filter(l -> l.endsWith(",test"))
            .map(l -> l.split(",")[0])
            .toList();
    assertThat(files).hasSize(6);
    return files;
  }

  private static String sha256(Path file) {
    return Digests.ofFile(file, "the file", () -> false);
  }

  private static JsonNode json(Path file) throws IOException {
    return JSON.readTree(file.toFile());
  }

  /** Were one of them decoded, it would be left out and named, or change the weights. */
  @Test
  void trainingDecodesNoTestFile() throws IOException {
    Path garbage = copy(faces, "garbage");
    for (String file : testFiles(trained)) {
      Files.writeString(garbage.resolve(file), "no image");
    }
    Path run = own.resolve("run");
    Result result = train(garbage, run, "--epochs=2", "--bad-images=stop");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.err()).doesNotContain("could not be decoded");
    assertThat(json(run.resolve("run.json")).at("/dataUse/leftOut")).isEmpty();
    assertThat(Files.readAllBytes(run.resolve("best.safetensors")))
        .isEqualTo(Files.readAllBytes(trained.resolve("best.safetensors")));
    assertThat(run.resolve("evaluations")).doesNotExist();
    Result opened = test(run);
    assertThat(opened.code()).isEqualTo(1);
    assertThat(opened.err()).contains("none of the 6 images could be decoded");
  }

  @Test
  void theSealHoldsTheHashOfEveryTestFile() throws IOException {
    List<String> rows = Files.readAllLines(trained.resolve("test-seal.csv"));
    assertThat(rows.get(0)).isEqualTo("file,class,sha256");
    List<String> expected = new ArrayList<>();
    for (String file : testFiles(trained)) {
      expected.add(file + "," + file.split("/")[0] + "," + sha256(faces.resolve(file)));
    }
    assertThat(rows.subList(1, rows.size())).containsExactlyElementsOf(expected);
  }

  @Test
  void theResultIsSavedCountedAndBoundToModelAndImages() throws IOException {
    Path run = copy(trained, "run");
    Result first = test(run);
    assertThat(first.code()).as(first.err()).isZero();
    assertThat(first.out()).contains("opening 1 of its seal").contains("Accuracy");
    assertThat(first.err()).doesNotContain("the seal was opened");
    JsonNode test = json(run.resolve("evaluations/test.json"));
    JsonNode record = json(run.resolve("run.json"));
    assertThat(test.get("model_sha256").asText())
        .isEqualTo(sha256(run.resolve("best.safetensors")));
    assertThat(test.get("split_sha256")).isEqualTo(record.get("splitHash"));
    assertThat(test.get("content_sha256")).isEqualTo(record.get("contentHash"));
    Path predictions = run.resolve("evaluations/test-predictions.csv");
    assertThat(test.get("predictions_sha256").asText()).isEqualTo(sha256(predictions));
    assertThat(test.get("positive").asText()).isEqualTo("generated");
    assertThat(test.get("images").asInt()).isEqualTo(6);
    assertThat(test.at("/accuracy_interval/1").asDouble())
        .isGreaterThanOrEqualTo(test.get("accuracy").asDouble());
    assertThat(test.at("/confusion/0/0").asInt() + test.at("/confusion/0/1").asInt()).isEqualTo(3);
    List<String> rows = Files.readAllLines(predictions);
    assertThat(rows).hasSize(7);
    assertThat(rows.get(0)).isEqualTo("file,class,predicted,p(camera),p(generated),sha256");
    String[] row = rows.get(1).split(",");
    assertThat(row[5]).isEqualTo(sha256(faces.resolve(row[0])));
    assertThat(Double.parseDouble(row[3]) + Double.parseDouble(row[4]))
        .isBetween(1 - 1e-9, 1 + 1e-9);
    JsonNode looks = record.at("/dataUse/testLooks");
    assertThat(looks).hasSize(1);
    assertThat(looks.at("/0/epochs").asInt()).isEqualTo(2);
    assertThat(looks.at("/0/time").asText()).matches("20\\d\\d-\\d\\d-\\d\\dT.*Z");

    Result second = test(run);
    assertThat(second.out()).contains("opening 2 of its seal");
    assertThat(second.err()).contains("the seal was opened once before");
    assertThat(json(run.resolve("run.json")).at("/dataUse/testLooks")).hasSize(2);
    assertThat(json(run.resolve("evaluations/test.json")).get("test_openings").asInt())
        .isEqualTo(2);

    Result on = Cli.jresnet("train", "--resume", "--out", run, "--epochs", 3);
    assertThat(on.code()).as(on.err()).isZero();
    assertThat(on.err())
        .contains("the test set of this run was looked at 2 times, last after epoch 2");
    assertThat(json(run.resolve("run.json")).at("/dataUse/testLooks")).hasSize(2);
  }

  @Test
  void changedAndMissingFilesAreNamedAndLeftOut() throws IOException {
    Path data = copy(faces, "moved");
    Path run = copy(trained, "run");
    List<String> files = testFiles(run);
    Files.delete(data.resolve(files.get(0)));
    Files.copy(
        faces.resolve(files.get(2)),
        data.resolve(files.get(1)),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    Result result = test(run, data, "--json");
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err())
        .contains("1 test files are missing")
        .contains("1 test files are changed since the run began")
        .contains(files.get(0))
        .contains(files.get(1));
    JsonNode values = JSON.readTree(result.out());
    assertThat(values.get("images").asInt()).isEqualTo(4);
    assertThat(values.at("/changed/0").asText()).isEqualTo(files.get(1));
    assertThat(json(run.resolve("evaluations/test.json")).at("/missing/0").asText())
        .isEqualTo(files.get(0));
  }

  private static void refused(Result result, String... reasons) {
    assertThat(result.code()).isNotZero();
    assertThat(result.err()).contains(reasons);
    assertThat(result.out()).doesNotContain("Accuracy");
  }

  @Test
  void whatCannotBeOpenedSaysWhy() throws IOException {
    Path loose = Files.copy(trained.resolve("best.safetensors"), own.resolve("loose.safetensors"));
    refused(test(loose), "--test needs the folder of a run");
    refused(test(trained, own.resolve("nowhere")), "none of the 6 test files", "--test");
    refused(test(trained, "--class=camera"), "--test takes no --class");
    refused(Cli.jresnet("evaluate", trained), "name the images", "--test");
    Path edited = copy(trained, "edited");
    Path split = edited.resolve("split.csv");
    Files.writeString(split, Files.readString(split).replaceFirst(",train\n", ",test\n"));
    refused(test(edited), "is not the split that the run was trained on");
    Path two = own.resolve("two");
    assertThat(train(faces, two, "--epochs=1", "--split=0.7,0.3").code()).isZero();
    refused(test(two), "has no test set", "--split 0.7,0.15,0.15");
    Path broken = copy(trained, "broken");
    Files.writeString(broken.resolve("test-seal.csv"), "x\n", StandardCharsets.UTF_8);
    refused(test(broken), "expected the first line file,class,sha256");
    assertThat(json(broken.resolve("run.json")).at("/dataUse/testLooks")).isEmpty();
  }

  /** A list divides by itself: a pattern that was given beside it names no groups. */
  @Test
  void aSplitByListNeedsNoGroups() throws IOException {
    Path list = Files.copy(trained.resolve("split.csv"), own.resolve("list.csv"));
    Path run = own.resolve("listed");
    Result result = train(faces, run, "--epochs=1", "--split-csv", list, "--group=nobody");
    assertThat(result.code()).as(result.err()).isZero();
    Result opened = test(run);
    assertThat(opened.code()).as(opened.err()).isZero();
    assertThat(json(run.resolve("evaluations/test.json")).get("group").asText()).isEmpty();
  }

  @Test
  void withoutHashesNothingCanBeChecked() {
    Path run = own.resolve("trusted");
    assertThat(train(faces, run, "--epochs=1", "--trust-files").code()).isZero();
    Result result = test(run);
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.err()).contains("recorded no hashes of its test files");
  }

  @Test
  void aNewRunTakesTheOldOnesEvaluationsAway() throws IOException {
    Path run = copy(trained, "run");
    assertThat(test(run).code()).isZero();
    assertThat(run.resolve("evaluations/test.json")).exists();
    Result result = train(faces, run, "--epochs=1", "--overwrite");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(run.resolve("evaluations")).doesNotExist();
    assertThat(run.resolve(".previous")).doesNotExist();
  }
}
