package org.jresnet.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Batch;
import org.jresnet.data.Loader;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Sample;
import org.jresnet.engine.Executable;
import org.jresnet.metrics.BinaryScores;
import org.jresnet.metrics.ConfusionMatrix;

/** Runs a compiled inference executable over labelled pictures. */
public final class Evaluator {
  private Evaluator() {}

  /** Told after each batch how many pictures are done. */
  public interface Progress {
    /** Pictures done so far. */
    void done(int pictures);
  }

  /**
   * Judges every picture that can be decoded.
   *
   * @throws UserError when none can be
   */
  public static Evaluation evaluate(
      Executable executable,
      List<String> classes,
      List<Sample> samples,
      LoaderOptions input,
      Progress progress) {
    int batchSize = executable.options().batch();
    int k = classes.size();
    double loss = 0;
    int done = 0;
    List<Integer> truth = new ArrayList<>();
    List<Integer> prediction = new ArrayList<>();
    List<Double> second = new ArrayList<>();
    Loader.Options options =
        new Loader.Options(
            batchSize, input.threads(), 0, Loader.Order.SEQUENTIAL, input.badImages());
    try (Loader loader = new Loader(samples, input.preprocess(), Augmentation.NONE, options);
        Loader.Epoch epoch = loader.epoch(0, 0)) {
      for (Batch batch = epoch.next(); batch != null; batch = epoch.next()) {
        float[] logits = executable.infer(batch.pixels());
        for (int i = 0; i < batch.count(); i++) {
          if (batch.labels()[i] == Batch.BAD) {
            continue;
          }
          double[] p = softmax(logits, i * k, k);
          int label = batch.labels()[i];
          truth.add(label);
          prediction.add(best(p));
          second.add(p[k - 1]);
          loss -= Math.log(Math.max(p[label], Double.MIN_NORMAL));
        }
        done += batch.count();
        progress.done(done);
      }
      if (truth.isEmpty()) {
        throw new UserError(
            "none of the "
                + samples.size()
                + " pictures could be judged; the first problem is: "
                + loader.badImages().values().stream().findFirst().orElse("no pictures"));
      }
      int[] t = truth.stream().mapToInt(Integer::intValue).toArray();
      int[] y = prediction.stream().mapToInt(Integer::intValue).toArray();
      Optional<BinaryScores> binary = Optional.empty();
      if (k == 2) {
        boolean[] positive = new boolean[t.length];
        for (int i = 0; i < t.length; i++) {
          positive[i] = t[i] == 1;
        }
        binary =
            BinaryScores.of(positive, second.stream().mapToDouble(Double::doubleValue).toArray());
      }
      return new Evaluation(
          t.length, loss / t.length, ConfusionMatrix.of(classes, t, y), binary, loader.badImages());
    }
  }

  /**
   * How pictures are read.
   *
   * @param preprocess size and resize mode
   * @param threads decoding threads
   * @param badImages what happens at a picture that cannot be decoded
   */
  public record LoaderOptions(Preprocess preprocess, int threads, Loader.BadImages badImages) {}

  /**
   * Probabilities of {@code k} logits from {@code at} on; a logit that is not a number is an error.
   */
  public static double[] softmax(float[] logits, int at, int k) {
    double[] p = new double[k];
    double max = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < k; i++) {
      if (Float.isNaN(logits[at + i])) {
        throw new UserError("the model gives NaN for class " + i + "; its weights are damaged");
      }
      max = Math.max(max, logits[at + i]);
    }
    double sum = 0;
    for (int i = 0; i < k; i++) {
      p[i] = Math.exp(logits[at + i] - max);
      sum += p[i];
    }
    for (int i = 0; i < k; i++) {
      p[i] /= sum;
    }
    return p;
  }

  /** Index of the first largest value. */
  public static int best(double[] values) {
    int best = 0;
    for (int i = 1; i < values.length; i++) {
      best = values[i] > values[best] ? i : best;
    }
    return best;
  }
}
