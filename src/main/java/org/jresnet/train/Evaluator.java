package org.jresnet.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Batch;
import org.jresnet.data.Dataset;
import org.jresnet.data.Loader;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Sample;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Solo;
import org.jresnet.engine.Executable;

/** Runs a compiled inference executable over labelled images. */
public final class Evaluator {
  private Evaluator() {}

  /** Told after each batch how many images are done. */
  public interface Progress {
    /** Images done so far. */
    void done(int images);
  }

  /**
   * Predicts every image that can be decoded; of several ranks each its share, and all of them get
   * the whole result.
   *
   * @param labels class names, and the one that scores speak for
   * @throws UserError when no image can be decoded
   */
  public static Evaluation evaluate(
      Executable executable,
      Labels labels,
      List<Sample> samples,
      LoaderOptions input,
      Progress progress) {
    int k = labels.classes().size();
    int done = 0;
    List<Sample> share = Shares.of(samples, input.ranks());
    List<Scored> own = new ArrayList<>(share.size());
    Loader.Options options =
        new Loader.Options(
            executable.options().batch(),
            input.threads(),
            0,
            Loader.Order.SEQUENTIAL,
            input.badImages());
    try (Loader loader = new Loader(share, input.preprocess(), input.augmentation(), options);
        Loader.Epoch epoch = loader.epoch(0, 0)) {
      Batch following;
      for (Batch batch = epoch.next(); batch != null; batch = following) {
        executable.start(batch.pixels());
        following = epoch.next();
        if (following != null) {
          executable.prefetch(following.pixels());
        }
        float[] logits = Logits.ofLast(executable);
        for (int i = 0; i < batch.count(); i++) {
          if (batch.labels()[i] != Batch.BAD) {
            float[] row = Arrays.copyOfRange(logits, i * k, (i + 1) * k);
            own.add(new Scored(share.get(batch.samples()[i]), row));
          }
        }
        done += batch.count();
        progress.done(done);
      }
      List<Scored> scored = Shares.scored(own, samples, k, input.ranks());
      Map<String, String> bad = Shares.messages(loader.badImages(), input.ranks());
      if (scored.isEmpty()) {
        throw new UserError(
            Text.format(
                "none of the %s images could be decoded; the first problem is: %s",
                samples.size(), bad.values().stream().findFirst().orElse("no images")));
      }
      return new Evaluation(labels.classes(), labels.index(), scored, bad, Optional.empty());
    }
  }

  /**
   * What the numbers of classes mean.
   *
   * @param classes class names
   * @param positive the class that scores speak for; empty for the one that {@link
   *     Dataset#positive} finds
   */
  public record Labels(List<String> classes, String positive) {
    /** Finds the positive class. */
    public Labels {
      classes = List.copyOf(classes);
      positive = positive.isEmpty() ? Dataset.positive(classes) : positive;
      if (!classes.contains(positive)) {
        throw new UserError(
            Text.format("--positive must be one of the classes %s, found %s", classes, positive));
      }
    }

    int index() {
      return classes.indexOf(positive);
    }
  }

  /**
   * How images are read.
   *
   * @param preprocess size and resize mode
   * @param threads decoding threads
   * @param badImages what happens at an image that cannot be decoded
   * @param augmentation what happens to every image first
   * @param ranks who reads them, each a share
   */
  public record LoaderOptions(
      Preprocess preprocess,
      int threads,
      Loader.BadImages badImages,
      Augmentation augmentation,
      Communicator ranks) {
    /** Of images as they are, by this process. */
    public LoaderOptions(Preprocess preprocess, int threads, Loader.BadImages badImages) {
      this(preprocess, threads, badImages, Augmentation.NONE, Solo.INSTANCE);
    }

    /** The same after changes. */
    public LoaderOptions withAugmentation(Augmentation changes) {
      return new LoaderOptions(preprocess, threads, badImages, changes, ranks);
    }

    /** The same shared with other ranks; every one of them evaluates. */
    public LoaderOptions sharedBy(Communicator all) {
      return new LoaderOptions(preprocess, threads, badImages, augmentation, all);
    }
  }

  /**
   * Probabilities of {@code k} logits from {@code at} on; a logit that is not a number is an error.
   */
  public static double[] softmax(float[] logits, int at, int k) {
    double[] p = new double[k];
    double max = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < k; i++) {
      if (Float.isNaN(logits[at + i])) {
        throw new UserError(
            Text.format("the model gives NaN for class %s; its weights are damaged", i));
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

  /**
   * Logarithms of {@link #softmax}, which do not vanish where a probability does; their negative is
   * the cross-entropy of a class.
   */
  public static double[] logSoftmax(float[] logits, int at, int k) {
    double max = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < k; i++) {
      max = Math.max(max, logits[at + i]);
    }
    double sum = 0;
    for (int i = 0; i < k; i++) {
      sum += Math.exp(logits[at + i] - max);
    }
    double[] logarithms = new double[k];
    for (int i = 0; i < k; i++) {
      logarithms[i] = logits[at + i] - max - Math.log(sum);
    }
    return logarithms;
  }

  /** Index of the first largest of {@code k} logits from {@code at} on, counted from there. */
  public static int best(float[] logits, int at, int k) {
    int best = 0;
    for (int i = 1; i < k; i++) {
      best = logits[at + i] > logits[at + best] ? i : best;
    }
    return best;
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
