package org.jresnet.detect.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Precision;
import org.jresnet.base.Csv;
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
            new DataUse(0, List.of(), List.of(), 0),
            List.of());
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

  /** Two errors, of which the second's image is there. */
  Path test() throws IOException {
    Path shown = data.resolve("1.jpg");
    Files.write(shown, Augmentation.jpeg(new RgbImage(40, 30, new byte[3600]), 90));
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("data", data.toString());
    result.put("test_openings", 1);
    result.put("accuracy", 0.8);
    result.put("accuracy_interval", List.of(0.49, 0.943));
    result.put("classes", classes);
    result.put("confusion", List.of(List.of(4, 1), List.of(1, 4)));
    result.put("positive", classes.get(1));
    result.put("auc", 0.84);
    result.put("auc_interval", List.of());
    result.put("roc", List.of(List.of(0, 0, 1), List.of(0.2, 0.8, 0), List.of(1, 1, -1)));
    result.put("det", List.of(List.of(0, 1), List.of(0.2, 0.2), List.of(1, 0)));
    Map<String, Object> kind =
        Map.of("expected_error", 0.0375, "bins", List.of(bin(0.75, 0.5), bin(0.95, 1)));
    Map<String, Object> calibration = new LinkedHashMap<>();
    calibration.put("calibrated", kind);
    calibration.put("uncalibrated", kind);
    calibration.put("error", 0.05);
    calibration.put("covered", Map.of("share", 0.9));
    calibration.put("several", Map.of("share", 0.3));
    result.put("calibration", calibration);
    result.put(
        "errors", List.of(error("0.jpg", data.resolve("0.jpg"), 0), error("1.jpg", shown, 1)));
    Path file = Files.createDirectories(run.resolve("evaluations")).resolve("test.json");
    Files.writeString(file, Json.pretty(result));
    return file;
  }

  private static Map<String, Double> bin(double confidence, double accuracy) {
    return Map.of("confidence", confidence, "accuracy", accuracy);
  }

  private Map<String, Object> error(String id, Path file, int label) {
    Map<String, Object> error = new LinkedHashMap<>();
    error.put("id", id);
    error.put("file", file.toString());
    error.put("true", classes.get(label));
    error.put("predicted", classes.get(1 - label));
    error.put("probability", 0.75);
    return error;
  }

  void robustness() throws IOException {
    List<Map<String, Object>> cells =
        List.of(
            cell("none", "as they are", 0.9, 0.95, 0.9, 0.99),
            cell("jpeg", "quality 90", 0.7, 0.75, 0.6, 0.85),
            cell("jpeg", "quality 50", 0.5, 0.45, 0.3, 0.6));
    Path folder = Files.createDirectories(run.resolve("robustness"));
    Files.writeString(
        folder.resolve("others.json"), Json.pretty(Map.of("name", "others", "cells", cells)));
  }

  private static Map<String, Object> cell(
      String kind, String text, double accuracy, double auc, double low, double high) {
    Map<String, Object> cell = new LinkedHashMap<>();
    cell.put("kind", kind);
    cell.put("text", text);
    cell.put("accuracy", accuracy);
    cell.put("auc", auc);
    cell.put("auc_interval", List.of(low, high));
    return cell;
  }

  String html() {
    return RunReport.html(
        run,
        RunReport.record(run),
        new RunReport.Sources(
            java.util.Optional.empty(),
            java.util.Optional.empty(),
            java.util.Optional.empty(),
            List.of("./jresnet train faces --out run")));
  }
}
