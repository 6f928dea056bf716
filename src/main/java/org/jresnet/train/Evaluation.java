package org.jresnet.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import org.jresnet.data.Grouping;
import org.jresnet.data.Split.Part;
import org.jresnet.metrics.BinaryIntervals;
import org.jresnet.metrics.BinaryScores;
import org.jresnet.metrics.ConfusionMatrix;
import org.jresnet.metrics.Interval;
import org.jresnet.metrics.Resampling;
import org.jresnet.metrics.Temperature;

/** How a model does on labelled images. Intervals are computed once, when they are asked for. */
public final class Evaluation {
  /** Seed of the bootstrap, so that the same predictions have the same intervals. */
  private static final long SEED = 1;

  private final List<String> classes;
  private final int positive;
  private final List<Scored> scored;
  private final Map<String, String> badImages;
  private final Optional<ModelCalibration> calibration;
  private final List<String> groups;
  private Optional<BinaryIntervals> intervals;
  private Optional<List<Interval>> groupedAccuracy;

  /**
   * An evaluation.
   *
   * @param classes class names
   * @param positive index of the class that scores speak for
   * @param scored all images that could be decoded, at least one
   * @param badImages files left out, with the reason
   * @param calibration of the model, if it carries one
   * @param groups name of each image's group, see {@link Resampling}; empty where every image
   *     stands for itself
   */
  public Evaluation(
      List<String> classes,
      int positive,
      List<Scored> scored,
      Map<String, String> badImages,
      Optional<ModelCalibration> calibration,
      List<String> groups) {
    this.classes = List.copyOf(classes);
    this.positive = positive;
    this.scored = List.copyOf(scored);
    this.badImages = Map.copyOf(badImages);
    this.calibration = calibration;
    this.groups = List.copyOf(groups);
  }

  /** Of images that stand for themselves. */
  public Evaluation(
      List<String> classes,
      int positive,
      List<Scored> scored,
      Map<String, String> badImages,
      Optional<ModelCalibration> calibration) {
    this(classes, positive, scored, badImages, calibration, List.of());
  }

  /**
   * The same with intervals of groups that are drawn whole.
   *
   * @throws org.jresnet.base.UserError when the pattern does not match an image's id
   */
  public Evaluation withGroups(Grouping grouping) {
    List<String> names =
        grouping.isGiven() ? belowPart().stream().map(grouping::key).toList() : List.of();
    return new Evaluation(classes, positive, scored, badImages, calibration, names);
  }

  /** Ids; where the data folder has a folder for each part, without it, as patterns expect. */
  private List<String> belowPart() {
    List<String> ids = scored.stream().map(s -> s.sample().id()).toList();
    for (Part part : Part.values()) {
      String folder = part.id() + "/";
      if (ids.stream().allMatch(id -> id.startsWith(folder))) {
        return ids.stream().map(id -> id.substring(folder.length())).toList();
      }
    }
    return ids;
  }

  /** Class names. */
  public List<String> classes() {
    return classes;
  }

  /** Index of the class that scores speak for. */
  public int positive() {
    return positive;
  }

  /** All images that could be decoded. */
  public List<Scored> scored() {
    return scored;
  }

  /** Files left out, with the reason. */
  public Map<String, String> badImages() {
    return badImages;
  }

  /** Of the model, if it carries one. */
  public Optional<ModelCalibration> calibration() {
    return calibration;
  }

  /** Name of each image's group; empty where every image stands for itself. */
  public List<String> groups() {
    return groups;
  }

  /** Number of images with a prediction. */
  public int images() {
    return scored.size();
  }

  /** Whether each image is of the positive class. */
  public boolean[] positives() {
    boolean[] positives = new boolean[scored.size()];
    for (int i = 0; i < positives.length; i++) {
      positives[i] = scored.get(i).sample().label() == positive;
    }
    return positives;
  }

  /** The positive's logit less the other's, of two classes: higher means more positive. */
  public double[] scores() {
    double[] scores = new double[scored.size()];
    for (int i = 0; i < scores.length; i++) {
      float[] logits = scored.get(i).logits();
      scores[i] = (double) logits[positive] - logits[1 - positive];
    }
    return scores;
  }

  /** Probabilities of images at a temperature. */
  static double[][] probabilities(List<Scored> images, Temperature temperature) {
    return images.stream().map(s -> temperature.probabilities(s.wide())).toArray(double[][]::new);
  }

  /** Mean cross-entropy. */
  public double loss() {
    double sum = 0;
    for (Scored s : scored) {
      sum -= Math.log(Math.max(s.probabilities()[s.sample().label()], Double.MIN_NORMAL));
    }
    return sum / scored.size();
  }

  /** True against predicted classes. */
  public ConfusionMatrix confusion() {
    return ConfusionMatrix.of(
        classes,
        scored.stream().mapToInt(s -> s.sample().label()).toArray(),
        scored.stream().mapToInt(Scored::predicted).toArray());
  }

  /** Threshold-free scores of two classes, where both have images. */
  public Optional<BinaryScores> binary() {
    return binary(BinaryScores::of);
  }

  /** The intervals of {@link #binary()}; takes seconds from 100,000 images on. */
  public Optional<BinaryIntervals> intervals() {
    if (intervals == null) {
      intervals =
          binary((positives, scores) -> BinaryIntervals.of(positives, scores, groups, SEED));
    }
    return intervals;
  }

  /**
   * Intervals of the accuracy and of each class's, in this order, where images have groups; a class
   * without images has 0 to 1.
   */
  public Optional<List<Interval>> groupedAccuracy() {
    if (groupedAccuracy == null) {
      groupedAccuracy = groups.isEmpty() ? Optional.empty() : Optional.of(drawnAccuracy());
    }
    return groupedAccuracy;
  }

  private List<Interval> drawnAccuracy() {
    int[] labels = scored.stream().mapToInt(s -> s.sample().label()).toArray();
    boolean[] right = new boolean[labels.length];
    for (int i = 0; i < labels.length; i++) {
      right[i] = scored.get(i).predicted() == labels[i];
    }
    List<Interval> drawn =
        Resampling.of(labels, groups)
            .intervals(SEED, counts -> shares(counts, labels, right, classes.size()));
    ConfusionMatrix confusion = confusion();
    List<Interval> ends = new ArrayList<>();
    for (int k = -1; k < classes.size(); k++) {
      boolean none = k >= 0 && confusion.total(k) == 0;
      ends.add(none ? new Interval(0, 1) : drawn.get(k + 1));
    }
    return ends;
  }

  private static double[] shares(int[] counts, int[] labels, boolean[] right, int classes) {
    double[] hits = new double[classes + 1];
    double[] total = new double[classes + 1];
    for (int i = 0; i < counts.length; i++) {
      for (int k : new int[] {0, labels[i] + 1}) {
        total[k] += counts[i];
        hits[k] += right[i] ? counts[i] : 0;
      }
    }
    for (int k = 0; k < hits.length; k++) {
      hits[k] = total[k] == 0 ? 0 : hits[k] / total[k];
    }
    return hits;
  }

  /** By which logits are divided for probabilities that mean what they say. */
  Temperature temperature() {
    return calibration
        .map(ModelCalibration::temperature)
        .orElse(new Temperature(1, Temperature.Fit.FITTED));
  }

  private <T> Optional<T> binary(BiFunction<boolean[], double[], Optional<T>> metric) {
    return classes.size() == 2 ? metric.apply(positives(), scores()) : Optional.empty();
  }
}
