package org.jresnet.serve.studio;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.Precision;
import org.jresnet.base.Png;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.RgbImage;
import org.jresnet.detect.Explainer;
import org.jresnet.detect.Explanation;
import org.jresnet.engine.Compute;
import org.jresnet.serve.Problem;
import org.jresnet.train.Classifier;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.Prediction;

/** Why the model of a run calls an image what it does. */
final class Explanations {
  /** Rows and columns of places that are covered. */
  private static final int CELLS = 8;

  private final RunList runs;
  private final Engine engine;

  Explanations(RunList runs, Engine engine) {
    this.runs = runs;
    this.engine = engine;
  }

  /** Explains the verdict on an image. */
  Map<String, Object> of(String id, byte[] bytes) {
    LoadedModel model = engine.model(runs.of(id).folder());
    RgbImage image;
    try {
      image = ImageDecoder.decode(Path.of("the image"), bytes, model.preprocess().decoding());
    } catch (BadImageException e) {
      throw new Problem(422, e.getMessage());
    }
    return engine.compute(compute -> explain(compute, model, image));
  }

  private static Map<String, Object> explain(Compute compute, LoadedModel model, RgbImage image) {
    try (Classifier classifier = Classifier.open(model, compute, Precision.FP32, note -> {});
        Explainer explainer = new Explainer(classifier, Optional.empty())) {
      Prediction prediction = classifier.predict(image);
      Explanation explanation = explainer.explain(image);
      Map<String, Object> values = new LinkedHashMap<>(explanation.values());
      values.put("classes", classifier.classes());
      values.put("probabilities", prediction.probabilities());
      values.put("calibrated", classifier.calibration().isPresent());
      values.put("occlusion", explainer.occlusion(explanation, CELLS));
      values.put(
          "input",
          "data:image/png;base64,"
              + Base64.getEncoder().encodeToString(Png.encode(explanation.input().toBuffered())));
      return values;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
