package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.jresnet.cli.Cli.jresnet;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.Csv;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.testing.SmallModel;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code predict} on many files: stopped anywhere, it goes on and ends in the same table. */
final class PredictFolderTest {
  @TempDir static Path folder;
  private static Path faces;
  private static Path model;

  @BeforeAll
  static void draw() throws Exception {
    faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(150, 32, 3), done -> {});
    Files.writeString(faces.resolve("camera/broken.jpg"), "no image");
    model = SmallModel.write(folder.resolve("m.safetensors"), 16, 1);
  }

  private static Result predict(Object... more) {
    Object[] line = {"predict", model, faces, "--precision=fp32", "--backend=cpu"};
    Object[] all = Arrays.copyOf(line, line.length + more.length);
    System.arraycopy(more, 0, all, line.length, more.length);
    return jresnet(all);
  }

  /** Times differ, and the batches an image was computed in, and with them rounding. */
  private static void requireSameVerdicts(Path found, Path expected) {
    Map<String, List<String>> rows = new HashMap<>();
    Csv.read(expected).forEach(row -> rows.put(row.get(0), row));
    List<List<String>> other = Csv.read(found);
    assertThat(other).hasSameSizeAs(rows.keySet());
    for (List<String> row : other) {
      List<String> wanted = rows.remove(row.get(0));
      assertThat(wanted).as(row.get(0)).isNotNull();
      assertThat(row.get(1)).as(row.get(0)).isEqualTo(wanted.get(1));
      if (row.get(2).matches("[0-9.E-]+")) {
        assertThat(Double.parseDouble(row.get(2)))
            .as(row.get(0))
            .isCloseTo(Double.parseDouble(wanted.get(2)), within(1e-5));
      }
    }
  }

  @Test
  void aStoppedTableGoesOn() throws Exception {
    Path whole = folder.resolve("whole.csv");
    Result all = predict("--csv", whole);
    assertThat(all.code()).isEqualTo(1);
    assertThat(all.out()).contains("301 images: ").contains("1 failed");
    assertThat(Csv.read(whole)).hasSize(302);

    Path table = folder.resolve("table.csv");
    byte[] bytes = Files.readAllBytes(whole);
    Files.write(table, Arrays.copyOf(bytes, bytes.length / 3));
    int before = Csv.read(table).size() - 2;
    Result rest = predict("--csv", table, "--append");
    assertThat(rest.err()).contains(before + " of 301 images are in " + table + " already");
    assertThat(rest.out()).contains((301 - before) + " images: ");
    requireSameVerdicts(table, whole);

    byte[] complete = Files.readAllBytes(table);
    Result none = predict("--csv", table, "--append");
    assertThat(none.code()).as(none.err()).isZero();
    assertThat(none.err()).contains("301 of 301 images are in " + table + " already");
    assertThat(Files.readAllBytes(table)).isEqualTo(complete);
  }

  @Test
  void appendingBeginsATableAndRefusesOthers() throws Exception {
    Path table = folder.resolve("begun.csv");
    assertThat(predict("--csv", table, "--append", "--batch=1").code()).isEqualTo(1);
    assertThat(Csv.read(table)).hasSize(302);
    Path other = Files.writeString(folder.resolve("other.csv"), "a,b\n1,2\n");
    Result refused = predict("--csv", other, "--append");
    assertThat(refused.code()).isEqualTo(1);
    assertThat(refused.err()).contains("is another table: its columns are a,b");
    assertThat(other).content().isEqualTo("a,b\n1,2\n");
    assertThat(predict("--append").code()).isEqualTo(2);
    assertThat(predict("--csv", table, "--append", "--overwrite").code()).isEqualTo(2);
  }
}
