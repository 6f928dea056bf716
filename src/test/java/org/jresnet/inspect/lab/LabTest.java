package org.jresnet.inspect.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.jresnet.base.Csv;
import org.jresnet.base.Json;
import org.jresnet.base.Stopped;
import org.jresnet.base.UserError;
import org.jresnet.engine.BackendKind;
import org.jresnet.models.Architecture;
import org.jresnet.train.RunFolder;
import org.jresnet.train.TrainOptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
final class LabTest {
  private static final Map<String, String> ORIGIN = Map.of("command", "lab", "model", "tiny");

  @TempDir private static Path folder;
  private static Path faces;

  @BeforeAll
  static void draw() {
    faces = folder.resolve("faces");
    TinyLab.draw(faces);
  }

  private static LabIndex run(TinyLab tiny, Path out, List<Experiment> experiments) {
    Lab.open(out, false);
    return new Lab(out, tiny.settings, tiny.notes, () -> false)
        .run(experiments, tiny.classifier, tiny.compute, tiny.samples, ORIGIN);
  }

  /** What the index in the folder lists. */
  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> saved(Path out) {
    Map<String, Object> index = Json.object(out.resolve(LabIndex.FILE), "the index of a lab");
    assertThat(index).containsEntry("format", 1).containsEntry("model", "tiny");
    return (List<Map<String, Object>>) index.get("experiments");
  }

  private static void assertComplete(LabIndex index, Path out, List<Experiment> experiments)
      throws IOException {
    List<String> ids = experiments.stream().map(Experiment::id).toList();
    assertThat(index.experiments()).extracting(LabIndex.Entry::id).isEqualTo(ids);
    assertThat(saved(out)).extracting(entry -> entry.get("id")).isEqualTo(ids);
    for (LabIndex.Entry entry : index.experiments()) {
      assertThat(entry.rows()).as(entry.id()).isNotEmpty();
      assertThat(entry.finding()).as(entry.id()).doesNotContain("NaN");
      List<List<String>> table = Csv.read(out.resolve(entry.id() + ".csv"));
      assertThat(table.get(0)).isEqualTo(entry.columns());
      assertThat(table).hasSize(entry.rows().size() + 1);
      assertThat(out.resolve(entry.id() + ".json")).isRegularFile();
      byte[] png = Files.readAllBytes(out.resolve(entry.picture()));
      var reader = ImageIO.getImageReadersByFormatName("png").next();
      reader.setInput(new MemoryCacheImageInputStream(new ByteArrayInputStream(png)));
      assertThat(reader.read(0).getWidth()).isGreaterThan(400);
    }
  }

  private static List<Experiment> training(boolean wanted) {
    return Experiments.all().stream()
        .filter(e -> List.of("shortcuts", "landscape").contains(e.id()) == wanted)
        .toList();
  }

  @Test
  void everyExperimentLeavesATableAPictureAndJson() throws IOException {
    Path out = folder.resolve("all");
    try (TinyLab tiny = TinyLab.small(faces)) {
      LabIndex index = run(tiny, out, training(false));
      assertComplete(index, out, training(false));
      assertThat(index.images()).isEqualTo(8);
      // The same seed finds the same.
      LabIndex second = run(tiny, folder.resolve("again"), training(false));
      for (int i = 0; i < second.experiments().size(); i++) {
        assertThat(second.experiments().get(i).rows())
            .as(second.experiments().get(i).id())
            .isEqualTo(index.experiments().get(i).rows());
      }
    }
    assertThatThrownBy(() -> Lab.open(out, false))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("--overwrite");
    Lab.open(out, true);
    assertThat(out.toFile().list()).containsExactly(LabIndex.FILE);
    Path mine = Files.createDirectories(folder.resolve("mine/runs/plain"));
    assertThatThrownBy(() -> Lab.open(folder.resolve("mine"), true))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("not of a lab");
    assertThat(mine).isDirectory();
  }

  @Test
  void otherFormsAreTrainedOnce() throws IOException {
    Path out = folder.resolve("trained");
    try (TinyLab tiny = TinyLab.open(BackendKind.CPU, faces)) {
      LabIndex index = run(tiny, out, training(true));
      assertComplete(index, out, training(true));
      linesMeetInTheMiddle(index);
      assertThat(index.experiments().get(0).rows())
          .extracting(row -> row.get(0))
          .containsExactly(
              "shortcut=B", "shortcut=A", "shortcut=C", "preact", "stochastic-depth=0.2", "plain");
    }
    assertThat(RunFolder.recordOf(out.resolve("runs/preact")).orElseThrow().options().network())
        .extracting(TrainOptions.NetworkOptions::model)
        .isEqualTo("resnet18:preact");
  }

  /** All lines through a network's weights have its own loss at 0. */
  private static void linesMeetInTheMiddle(LabIndex index) {
    LabIndex.Entry landscape =
        index.experiments().stream().filter(e -> e.id().equals("landscape")).findFirst().get();
    for (String network : List.of("residual", "plain")) {
      assertThat(
              landscape.rows().stream()
                  .filter(row -> row.get(0).equals(network) && row.get(2).equals(0.0))
                  .map(row -> row.get(3))
                  .toList())
          .hasSize(3)
          .containsOnly(
              landscape.rows().stream()
                  .filter(row -> row.get(0).equals(network) && row.get(2).equals(0.0))
                  .findFirst()
                  .orElseThrow()
                  .get(3));
    }
  }

  @Test
  void whatIsFinishedStaysWhenTheLabIsStopped() {
    Path out = folder.resolve("stopped");
    List<Experiment> two = Experiments.named(List.of("cuts", "scaling"));
    try (TinyLab tiny = TinyLab.small(faces)) {
      AtomicInteger asked = new AtomicInteger();
      Lab.open(out, false);
      Lab lab = new Lab(out, tiny.settings, tiny.notes, () -> asked.incrementAndGet() > 3 + 2);
      assertThatThrownBy(() -> lab.run(two, tiny.classifier, tiny.compute, tiny.samples, ORIGIN))
          .isInstanceOf(Stopped.class)
          .hasMessageContaining("saved");
    }
    assertThat(saved(out)).extracting(entry -> entry.get("id")).containsExactly("cuts");
  }

  @Test
  void aNetworkWithoutBranchesIsRefused() {
    try (TinyLab tiny =
        TinyLab.of(Architecture.of("resnet18:plain").graph(2, 4), BackendKind.CPU, faces)) {
      assertThatThrownBy(
              () -> run(tiny, folder.resolve("plain"), Experiments.named(List.of("lesions"))))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("resnet18:plain has no residual additions");
      assertThat(tiny.notes.texts).anyMatch(text -> text.startsWith("lesions is left out"));
    }
  }

  @Test
  void namesOfExperimentsAreChecked() {
    assertThat(Experiments.named(List.of("scaling", "cuts")))
        .extracting(Experiment::id)
        .containsExactly("cuts", "scaling");
    assertThatThrownBy(() -> Experiments.named(List.of("lesion")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("unknown experiment 'lesion'")
        .hasMessageContaining("lesions");
  }
}
