package org.jresnet.detect.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunReportTest {
  @TempDir Path root;

  private PlantedRun run() throws IOException {
    return new PlantedRun(root, List.of("real", "fake"));
  }

  @Test
  void figuresAndErrorsAreThoseOfTheFiles() throws IOException {
    PlantedRun run = run();
    run.metrics("1,0.1,0.7,0.5,0.6,0.6", "2,0.1,0.4,0.8,0.5,0.7", "3,0.1,0.3,0.9,0.4,0.8");
    run.test();
    String page = run.html();
    assertThat(page)
        .contains("80.00 %", "49.0 to 94.3 %", "0.8400", "no interval")
        .contains("The seal was opened once.", "3.75 %", "hold the true class of 90.00 %")
        .contains(
            "0.jpg<br>real, called fake with 75.00 %", "1.jpg<br>fake, called real with 75.00 %")
        .contains("./jresnet train faces --out run")
        // The image of one error is there, that of the other is not.
        .containsOnlyOnce("<img src=\"data:image/jpeg;base64,")
        .containsOnlyOnce("not there any more")
        .doesNotContain("2.jpg<br>", "epochs are done");
    // Two of training, then ROC, DET and reliability.
    assertThat(page.split("<svg", -1)).hasSize(1 + 5);
    // Bands around ROC and DET; not where images have groups.
    assertThat(page.split("<polygon", -1)).hasSize(1 + 2);
    Path file = run.run.resolve("evaluations/test.json");
    Files.writeString(
        file, Files.readString(file).replaceFirst("\\{", "{ \"group\" : \"person\","));
    assertThat(run.html()).contains("<svg").doesNotContain("<polygon");
  }

  @Test
  void whatWasNotMeasuredIsNamedWithItsCommand() throws IOException {
    PlantedRun run = run();
    String page = run.html();
    assertThat(page)
        .contains("No epoch has ended yet.", "Not measured", "--test</code>")
        .doesNotContain("<svg");
    run.metrics("1,0.1,0.7,0.5,0.6,0.6");
    assertThat(run.html()).contains("1 of 3 epochs are done");
  }

  @Test
  void textFromOutsideIsNeverMarkup() throws IOException {
    PlantedRun run =
        new PlantedRun(
            root, List.of("<script>alert(1)</script>", "a\"onload='x' &amp; \u202ereversed"));
    run.test();
    String page = run.html();
    assertThat(page)
        .contains("&lt;script&gt;alert(1)&lt;/script&gt;")
        .doesNotContain("<script", "\"onload=");
  }

  @Test
  void imagesElsewhereAreNotShown() throws IOException {
    PlantedRun run = run();
    Path file = run.test();
    Path secret = Files.copy(run.data.resolve("1.jpg"), root.resolve("secret.jpg"));
    String whole = Files.readString(file);
    String shown = run.data.resolve("1.jpg").toString();
    Files.writeString(file, whole.replace(shown, secret.toString()));
    assertThat(run.html()).contains("1.jpg<br>").doesNotContain("<img");
    Files.writeString(file, whole.replace(shown, run.data + "/../secret.jpg"));
    assertThat(run.html()).contains("1.jpg<br>").doesNotContain("<img");
  }

  @Test
  void robustnessHasACurveForEachKindFromTheImagesAsTheyAre() throws IOException {
    PlantedRun run = run();
    assertThat(run.html()).contains("--robustness</code>");
    run.robustness();
    assertThat(run.html())
        .contains("jpeg, quality 50", "50.00 %", "0.4500", "0.3000 to 0.6000")
        .contains("AUC by severity of jpeg")
        .doesNotContain("--robustness</code>");
  }

  @Test
  void damagedFilesAreNamed() throws IOException {
    PlantedRun run = run();
    Path file = run.test();
    String whole = Files.readString(file);
    Files.writeString(file, whole.substring(0, whole.length() / 2));
    assertThatThrownBy(run::html)
        .isInstanceOf(UserError.class)
        .hasMessageContaining("test.json is no valid JSON");
    Files.writeString(file, whole.replace("0.84", "\"high\""));
    assertThatThrownBy(run::html)
        .isInstanceOf(UserError.class)
        .hasMessageContaining("test.json: expected a number as \"auc\", found String");
    Files.writeString(file, whole.replace("\"confusion\" : [ [", "\"confusion\" : [ {}, ["));
    assertThatThrownBy(run::html)
        .isInstanceOf(UserError.class)
        .hasMessageContaining("test.json: expected lists of numbers as \"confusion\"");
  }

  @Test
  void aFolderThatIsNoRun() {
    Path none = root.resolve("none");
    assertThatThrownBy(() -> RunReport.record(none))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(none + " is not the folder of a run: expected run.json in it");
  }
}
