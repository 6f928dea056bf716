package org.jresnet.train;

import java.nio.file.Path;
import java.util.Arrays;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Preprocess;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.weights.ModelInfo;

/** Classifies one picture at a time and measures it. */
public final class Predictor implements AutoCloseable {
  /** Runs of the first picture, so that its time is a median, too. */
  private static final int FIRST_RUNS = 3;

  /** The last runs, whose median is the inference time. */
  private final double[] millis = new double[15];

  private int runs;

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
   * @param inferenceMillis median of the last warm runs, from pixels to logits
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
    Logits.of(executable, new byte[preprocess.size() * preprocess.size() * 3]);
  }

  /** Classifies a file. */
  public Prediction predict(Path file) throws BadImageException {
    long start = System.nanoTime();
    byte[] pixels = preprocess.apply(ImageDecoder.decode(file, preprocess.decoding())).rgb();
    double preprocessing = (System.nanoTime() - start) / 1e6;
    float[] logits;
    do {
      logits = timed(pixels);
    } while (runs < FIRST_RUNS);
    double[] probabilities = Evaluator.softmax(logits, 0, classes);
    return new Prediction(
        file, Evaluator.best(probabilities), probabilities, preprocessing, median());
  }

  private float[] timed(byte[] pixels) {
    long start = System.nanoTime();
    float[] logits = Logits.of(executable, pixels);
    millis[runs++ % millis.length] = (System.nanoTime() - start) / 1e6;
    return logits;
  }

  private double median() {
    double[] sorted = Arrays.copyOf(millis, Math.min(runs, millis.length));
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  @Override
  public void close() {
    executable.close();
  }
}
