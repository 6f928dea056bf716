package org.jresnet.export.box;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Json;
import org.jresnet.export.box.BoxManifest.BoxModel;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelCalibration;
import org.jresnet.weights.ModelInfo;

/** The texts and scripts of a box. */
final class BoxFiles {
  /** What runs a model: this program. */
  static final String JRESNET = "jresnet";

  /** What runs a model: ONNX Runtime or OpenVINO. */
  static final String ONNX = "onnx";

  static final String MODEL = "models/detector.safetensors";
  static final String PIXELS = "golden/pixels.npy";

  /** Scripts that are started. */
  private static final List<String> SCRIPTS = List.of("verify", "bench", "predict", "check.py");

  private static final List<String> TEXTS = List.of("java.sh", "README.txt");

  private BoxFiles() {}

  /** Writes all but models, golden pairs and the manifest. */
  static void write(Path box, LoadedModel model, List<BoxModel> models) throws IOException {
    ModelInfo info = model.info();
    AtomicFile.write(box.resolve("labels.json"), Json.pretty(info.classes()));
    AtomicFile.write(box.resolve("preprocess.json"), Json.pretty(preprocess(model)));
    AtomicFile.write(box.resolve("thresholds.json"), Json.pretty(thresholds(info)));
    String precisions =
        models.stream()
            .filter(m -> m.runner().equals(JRESNET))
            .map(BoxModel::precision)
            .collect(Collectors.joining(" "));
    for (String name : SCRIPTS) {
      copy(box, name, precisions);
      Files.setPosixFilePermissions(
          box.resolve(name), PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    for (String name : TEXTS) {
      copy(box, name, precisions);
    }
  }

  private static void copy(Path box, String name, String precisions) throws IOException {
    try (InputStream in = BoxFiles.class.getResourceAsStream(name)) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      Files.writeString(box.resolve(name), text.replace("@precisions@", precisions));
    }
  }

  private static Map<String, Object> preprocess(LoadedModel model) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("size", model.preprocess().size());
    values.put("resize", model.info().resize());
    values.put("scaling", model.preprocess().scaling().toString());
    values.put("filter", "as Pillow resizes, with antialiasing");
    values.put("orientation", model.preprocess().decoding().orientation().toString());
    values.put("color", "RGB");
    values.put("input", "unsigned bytes [n, height, width, 3]");
    values.put("normalization", "(value / 255 - mean) / std");
    values.put("mean", model.info().mean());
    values.put("std", model.info().std());
    return values;
  }

  private static Map<String, Object> thresholds(ModelInfo info) {
    Optional<ModelCalibration> calibration = ModelCalibration.of(info);
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("calibrated", calibration.isPresent());
    values.put("temperature", calibration.map(c -> c.temperature().value()).orElse(1.0));
    values.put("probabilities", "softmax(logits / temperature)");
    values.put("positive", calibration.map(ModelCalibration::positive).orElse(""));
    values.put(
        "score",
        "logit of the positive class less the other's; positive at the threshold and above");
    values.put(
        "points",
        calibration.map(ModelCalibration::points).orElse(List.of()).stream()
            .map(p -> Map.of("name", p.name(), "threshold", p.threshold()))
            .toList());
    return values;
  }
}
