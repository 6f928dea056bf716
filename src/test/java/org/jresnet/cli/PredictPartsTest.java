package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.base.Csv;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.testing.SmallModel;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code predict --shard} and {@code merge}. */
final class PredictPartsTest {
  /** Whole batches of 16, so that a command that predicts all of them computes no smaller one. */
  private static final int IMAGES = 64;

  @TempDir static Path folder;
  private static Path faces;
  private static Path model;

  @BeforeAll
  static void draw() throws Exception {
    faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(IMAGES / 2, 32, 3), done -> {});
    Files.writeString(faces.resolve("camera/broken.jpg"), "no image");
    model = SmallModel.write(folder.resolve("m.safetensors"), 16, 1);
  }

  private static Result predict(Object... more) {
    return predict(model, more);
  }

  private static Result predict(Path weights, Object... more) {
    Stream<Object> line =
        Stream.of("predict", weights, faces, "--precision=fp32", "--backend=cpu", "--tune=off");
    return jresnet(Stream.concat(line, Arrays.stream(more)).toArray());
  }

  private static Path table(String name) throws Exception {
    return Files.createDirectory(folder.resolve(name)).resolve("scores.csv");
  }

  private static void parts(Path table, int count) {
    for (int k = 1; k <= count; k++) {
      Result part = predict("--csv", table, "--shard", k + "/" + count);
      assertThat(part.code()).as(part.err()).isIn(0, 1);
    }
  }

  private static Path part(Path table, String name) {
    return table.resolveSibling("scores.csv.parts").resolve(name);
  }

  /** Without times, by name. */
  private static List<List<String>> verdicts(Path table) {
    List<List<String>> rows = new ArrayList<>(Csv.read(table));
    List<String> header = rows.remove(0);
    rows.replaceAll(
        row -> {
          List<String> kept = new ArrayList<>(row);
          kept.remove(header.indexOf("inference_ms"));
          kept.remove(header.indexOf("preprocess_ms"));
          return kept;
        });
    return rows;
  }

  @Test
  void partsTogetherAreTheWholeTableToTheLastDigit() throws Exception {
    Path whole = folder.resolve("whole.csv");
    assertThat(predict("--csv", whole).code()).isEqualTo(1);
    Path table = table("three");
    parts(table, 3);
    Result merged = jresnet("merge", table, "--json");
    assertThat(merged.code()).as(merged.err()).isZero();
    assertThat(merged.out()).contains("\"parts\":3", "\"images\":65", "\"failed\":1");
    List<List<String>> expected = new ArrayList<>(verdicts(whole));
    assertThat(expected).hasSize(IMAGES + 1);
    expected.sort(Comparator.comparing(row -> row.get(0)));
    assertThat(verdicts(table)).isEqualTo(expected);

    Result again = jresnet("merge", table);
    assertThat(again.code()).isEqualTo(1);
    assertThat(again.err()).contains("scores.csv exists; use --overwrite");
    assertThat(jresnet("merge", table, "--overwrite").code()).isZero();
  }

  @Test
  void aPartThatWasStoppedGoesOnAndACompleteOneStays() throws Exception {
    Path table = table("stopped");
    parts(table, 2);
    assertThat(jresnet("merge", table).code()).isZero();
    List<List<String>> expected = verdicts(table);

    Path first = part(table, "00001-of-00002.csv");
    byte[] complete = Files.readAllBytes(first);
    Result none = predict("--csv", table, "--shard=1/2");
    assertThat(none.code()).isZero();
    assertThat(none.err()).contains("part 1/2 of " + table + " is complete already");
    assertThat(Files.readAllBytes(first)).isEqualTo(complete);

    Path record = part(table, "00001-of-00002.json");
    Files.writeString(
        record,
        Files.readString(record)
            .replaceFirst("\"sha256\" : \"\\w+\"", "\"sha256\" : \"\"")
            .replaceFirst("\"rows\" : \\d+", "\"rows\" : 0"));
    Files.write(first, Arrays.copyOf(complete, complete.length / 2));
    Result refused = jresnet("merge", table, "--overwrite");
    assertThat(refused.code()).isEqualTo(1);
    assertThat(refused.err()).contains("lacks 1 of 2 parts").contains("part 1/2 is not complete");
    assertThat(verdicts(table)).isEqualTo(expected);

    Result rest = predict("--csv", table, "--shard=1/2");
    assertThat(rest.err()).containsPattern("part 1/2 has 32 of 65 images, 1\\d of them done");
    assertThat(jresnet("merge", table, "--overwrite").code()).isZero();
    assertThat(verdicts(table)).isEqualTo(expected);
  }

  @Test
  void missingDamagedAndDoublePartsAreNamed() throws Exception {
    Path table = table("missing");
    assertThat(jresnet("merge", table).err()).contains("there are no parts of " + table);
    parts(table, 4);
    Path second = part(table, "00002-of-00004.json");
    Path fourth = part(table, "00004-of-00004.json");
    String record = Files.readString(second);
    Files.delete(second);
    Files.delete(fourth);
    Result missing = jresnet("merge", table);
    assertThat(missing.code()).isEqualTo(1);
    assertThat(missing.err())
        .contains("lacks 2 of 4 parts")
        .contains("part 2/4 is missing\n")
        .contains("part 4/4 is missing\n");
    assertThat(table).doesNotExist();

    Files.writeString(second, record);
    Files.writeString(fourth, record);
    assertThat(jresnet("merge", table).err())
        .contains("00004-of-00004.json says that it is part 2/4: that part is there twice");
    Files.delete(fourth);
    Result orphan = predict("--csv", table, "--shard=4/4");
    assertThat(orphan.err()).contains("00004-of-00004.csv exists without its record");
    assertThat(predict("--csv", table, "--shard=4/4", "--overwrite").code()).isIn(0, 1);

    Path damaged = part(table, "00003-of-00004.csv");
    Files.writeString(damaged, Files.readString(damaged).replaceFirst("faces", "Faces"));
    assertThat(jresnet("merge", table).err())
        .contains("00003-of-00004.csv is damaged or was changed")
        .contains("--shard 3/4 --overwrite");
    assertThat(table).doesNotExist();

    parts(table("other"), 1);
    Files.copy(
        part(folder.resolve("other/scores.csv"), "00001-of-00001.json"),
        part(table, "00001-of-00001.json"));
    assertThat(jresnet("merge", table).err()).contains("several divisions, into 1 and into 4");
  }

  @Test
  void partsOfOtherModelsOptionsAndImagesDoNotMix() throws Exception {
    Path table = table("mixed");
    assertThat(predict("--csv", table, "--shard=1/2").code()).isIn(0, 1);
    Path other = SmallModel.write(folder.resolve("other.safetensors"), 16, 2);
    assertThat(predict(other, "--csv", table, "--shard=2/2", "--batch=8").code()).isIn(0, 1);
    Result mixed = jresnet("merge", table);
    assertThat(mixed.code()).isEqualTo(1);
    assertThat(mixed.err())
        .contains("do not belong together")
        .contains("part 2: in part 1 made.batch was \"16\", is \"8\"")
        .contains("part 2: in part 1 made.model_sha256 was");
    Result begun = predict(other, "--csv", table, "--shard=1/2");
    assertThat(begun.code()).isEqualTo(1);
    assertThat(begun.err()).contains("was begun otherwise").contains("made.model_sha256 was");
    assertThat(
            jresnet("predict", model, faces.resolve("camera"), "--csv", table, "--shard=1/2").err())
        .contains("images was 65, is 33");
  }

  @Test
  void morePartsThanImages() throws Exception {
    Path table = table("many");
    Path few = Files.createDirectory(folder.resolve("few"));
    Files.copy(faces.resolve("camera/00000.jpg"), few.resolve("a.jpg"));
    for (int k = 1; k <= 3; k++) {
      Result part = jresnet("predict", model, few, few, "--csv", table, "--shard", k + "/3");
      assertThat(part.code()).as(part.err()).isZero();
    }
    assertThat(jresnet("merge", table).code()).isZero();
    assertThat(Csv.read(table)).hasSize(2);
  }

  @Test
  void optionsThatDoNotFit() {
    assertThat(predict("--shard=1/2").code()).isEqualTo(2);
    Path table = folder.resolve("t.csv");
    assertThat(predict("--csv", table, "--append", "--shard=1/2").code()).isEqualTo(2);
    Result third = predict("--csv", table, "--shard=3/2");
    assertThat(third.code()).isEqualTo(2);
    assertThat(third.err()).contains("there is no part 3 of 2");
  }
}
