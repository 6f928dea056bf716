package org.jresnet.train;

import java.nio.file.Path;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Preprocess;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.weights.ModelInfo;

/** Classifies one picture at a time and measures it. */
public final class Predictor implements AutoCloseable {
  /** Runs whose median is the inference time. */
  private static final int TIMED_RUNS = 5;

  private static final int WARM_UPS = 3;

  private final Executable executable;
  private final Preprocess preprocess;
  private final int classes;

  /**
   * A classified picture.
   *
   * @param file the picture
   * @param best index of the most probable class
   * @param probabilities one per class
   * @param preprocessMillis decoding and resizing
   * @param inferenceMillis median of warm runs, from normalised input to logits
   */
  public record Prediction(
      Path file,
      int best,
      double[] probabilities,
      double preprocessMillis,
      double inferenceMillis) {}

  /** Compiles the model for single pictures and warms it up. */
  public Predictor(Model model, ModelInfo info, Preprocess preprocess) {
    this.preprocess = preprocess;
    this.classes = info.classes().size();
    executable = Executable.compile(model, ModelFiles.inference(info, 1, preprocess.size()));
    byte[] grey = new byte[preprocess.size() * preprocess.size() * 3];
    for (int i = 0; i < WARM_UPS; i++) {
      executable.infer(grey);
    }
  }

  /** Classifies a file. */
  public Prediction predict(Path file) throws BadImageException {
    long start = System.nanoTime();
    byte[] pixels = preprocess.apply(ImageDecoder.decode(file)).rgb();
    double preprocessing = (System.nanoTime() - start) / 1e6;
    double[] millis = new double[TIMED_RUNS];
    float[] logits = null;
    for (int i = 0; i < TIMED_RUNS; i++) {
      long run = System.nanoTime();
      logits = executable.infer(pixels);
      millis[i] = (System.nanoTime() - run) / 1e6;
    }
    java.util.Arrays.sort(millis);
    double[] probabilities = Evaluator.softmax(logits, 0, classes);
    return new Prediction(
        file, Evaluator.best(probabilities), probabilities, preprocessing, millis[TIMED_RUNS / 2]);
  }

  @Override
  public void close() {
    executable.close();
  }
}
