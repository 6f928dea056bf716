package org.jresnet.detect.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Precision;
import org.jresnet.base.Csv;
import org.jresnet.base.Digests;
import org.jresnet.base.Json;
import org.jresnet.data.Augmentation;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.BackendKind;
import org.jresnet.train.DataUse;
import org.jresnet.train.RunRecord;
import org.jresnet.train.TrainOptions;
import org.jresnet.train.Training;

/** A run's folder with results that were made up, so that a page's figures are known. */
final class PlantedRun {
  final Path run;
  final Path data;
  final List<String> classes;

  PlantedRun(Path root, List<String> classes) throws IOException {
    run = Files.createDirectories(root.resolve("run"));
    data = Files.createDirectories(root.resolve("faces"));
    this.classes = classes;
    TrainOptions options = Training.on(data).epochs(3).options(BackendKind.CPU, Precision.FP32);
    RunRecord record =
        new RunRecord(
            options,
            classes,
            "d",
            "s",
            "",
            "0.1.0",
            "17",
            "oneDNN",
            "c",
            new DataUse(0, List.of(), List.of()));
    Files.writeString(run.resolve("run.json"), Json.pretty(record));
    Csv.write(
        run.resolve("split.csv"),
        List.of(
            List.of("file", "class", "split"),
            List.of("a.jpg", classes.get(0), "train"),
            List.of("b.jpg", classes.get(1), "val"),
            List.of("0.jpg", classes.get(0), "test")));
  }

  void metrics(String... rows) throws IOException {
    Files.writeString(
        run.resolve("metrics.csv"),
        "epoch,learning_rate,train_loss,train_accuracy,val_loss,val_accuracy\n"
            + String.join("\n", rows)
            + "\n");
  }

  /**
   * Images 0 to 9, half of each class; the first of each class is wrong, the second one is there.
   */
  Path test() throws IOException {
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "file",
            "class",
            "predicted",
            "p(" + classes.get(0) + ")",
            "p(" + classes.get(1) + ")"));
    for (int i = 0; i < 10; i++) {
      double right = i < 2 ? 0.25 : 0.875;
      double first = i % 2 == 0 ? right : 1 - right;
      rows.add(
          List.of(
              i + ".jpg",
              classes.get(i % 2),
              classes.get(first >= 0.5 ? 0 : 1),
              Double.toString(first),
              Double.toString(1 - first)));
    }
    Files.write(data.resolve("1.jpg"), Augmentation.jpeg(new RgbImage(40, 30, new byte[3600]), 90));
    Path evaluations = Files.createDirectories(run.resolve("evaluations"));
    Path predictions = evaluations.resolve("test-predictions.csv");
    Csv.write(predictions, rows);
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("test_openings", 1);
    result.put("predictions", "test-predictions.csv");
    result.put("predictions_sha256", Digests.ofFile(predictions, "predictions", () -> false));
    result.put("accuracy", 0.8);
    result.put("accuracy_interval", List.of(0.49, 0.943));
    result.put("classes", classes);
    result.put("confusion", List.of(List.of(4, 1), List.of(1, 4)));
    result.put("positive", classes.get(1));
    result.put("auc", 0.84);
    result.put("auc_interval", List.of());
    Path file = evaluations.resolve("test.json");
    Files.writeString(file, Json.pretty(result));
    return file;
  }

  String html() {
    return RunReport.html(
        run,
        new RunReport.Sources(
            java.util.Optional.empty(),
            java.util.Optional.empty(),
            java.util.Optional.empty(),
            List.of("./jresnet train faces --out run")));
  }
}
