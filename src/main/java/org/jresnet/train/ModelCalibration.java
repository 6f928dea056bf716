package org.jresnet.train;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jresnet.base.Json;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Grouping;
import org.jresnet.metrics.Calibration;
import org.jresnet.metrics.Conformal;
import org.jresnet.metrics.OperatingPoint;
import org.jresnet.metrics.Temperature;
import org.jresnet.weights.ModelInfo;

/**
 * What validation says of a model's probabilities and verdicts; {@code calibration.json} of a run,
 * and part of the metadata of its weights.
 *
 * <p>The validation set is cut in two halves of the same classes, groups whole. The first fits the
 * temperature; the second, which that has not seen, gives the figures before and after and the
 * nonconformities of the prediction sets. Thresholds need many negatives and do not depend on the
 * temperature: they are chosen on the whole. All of these images also chose the epoch, so the
 * promises hold only nearly; {@code evaluate} measures them on images that decided nothing.
 *
 * @param epoch whose weights were calibrated
 * @param images validation images
 * @param fitted how many of them fitted the temperature
 * @param temperature by which logits are divided
 * @param before figures of the second half, uncalibrated
 * @param after the same with the temperature
 * @param positive the class that thresholds speak for; empty unless there are two classes
 * @param points thresholds on the score, which is the positive's logit less the other's; empty
 *     unless there are two classes with images
 * @param conformal nonconformities of the second half
 */
public record ModelCalibration(
    int epoch,
    int images,
    int fitted,
    Temperature temperature,
    Reliability before,
    Reliability after,
    String positive,
    List<OperatingPoint> points,
    Conformal conformal) {
  /** The most probable class: for two classes, a probability of one half. */
  public static final String EVEN = "0.5";

  private static final String SOURCE = "the calibration in the model's metadata";

  /** A loss of a label that was given probability 0 would be infinite, which JSON cannot say. */
  private static final double LARGEST_LOSS = -Math.log(Double.MIN_NORMAL);

  /**
   * How well probabilities mean what they say.
   *
   * @param expectedError see {@link Calibration}
   * @param brier see {@link Calibration}
   * @param loss mean negative logarithm of the label's probability, in nats
   * @param bins of the reliability diagram
   */
  public record Reliability(
      double expectedError, double brier, double loss, List<Calibration.Bin> bins) {
    /** Copies the list. */
    public Reliability {
      bins = List.copyOf(bins);
    }

    /** Of at least one image. */
    static Reliability of(int[] labels, double[][] probabilities) {
      Calibration c = Calibration.of(labels, probabilities).orElseThrow();
      return new Reliability(
          c.expectedError(),
          c.brier(),
          Math.min(c.nll(), LARGEST_LOSS),
          Calibration.bins(labels, probabilities));
    }
  }

  /** Copies the list. */
  public ModelCalibration {
    points = List.copyOf(points);
    if (positive.isEmpty() && !points.isEmpty()) {
      throw new IllegalArgumentException("there are thresholds, and no class that they speak for");
    }
  }

  /**
   * Calibrates on the validation set.
   *
   * @param validation of the weights that are calibrated
   * @param groups what stays together, as in the split
   * @param seed of the halves and of the thresholds' intervals
   */
  static ModelCalibration of(Evaluation validation, int epoch, Grouping groups, long seed) {
    List<Scored> all = validation.scored();
    List<String> names = validation.withGroups(groups).groups();
    boolean[] first = firstHalf(all, names, seed);
    List<Scored> fit = new ArrayList<>();
    List<Scored> rest = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      (first[i] ? fit : rest).add(all.get(i));
    }
    Temperature temperature = Temperature.fit(labels(fit), logits(fit));
    int[] labels = labels(rest);
    double[][] calibrated = Evaluation.probabilities(rest, temperature);
    boolean two = validation.classes().size() == 2;
    return new ModelCalibration(
        epoch,
        all.size(),
        fit.size(),
        temperature,
        Reliability.of(
            labels, Evaluation.probabilities(rest, new Temperature(1, Temperature.Fit.FITTED))),
        Reliability.of(labels, calibrated),
        two ? validation.classes().get(validation.positive()) : "",
        two
            ? OperatingPoint.of(validation.positives(), validation.scores(), names, seed)
            : List.of(),
        Conformal.of(labels, calibrated));
  }

  /** Each unit, in random order, goes where its class has fewer images; ties to the second. */
  private static boolean[] firstHalf(List<Scored> images, List<String> groups, long seed) {
    Map<String, List<Integer>> units = new java.util.LinkedHashMap<>();
    for (int i = 0; i < images.size(); i++) {
      units
          .computeIfAbsent(
              groups.isEmpty() ? Integer.toString(i) : groups.get(i), k -> new ArrayList<>())
          .add(i);
    }
    List<List<Integer>> list = List.copyOf(units.values());
    Map<Integer, Integer> surplus = new HashMap<>();
    boolean[] first = new boolean[images.size()];
    for (int u : RandomStreams.permutation(list.size(), RandomStreams.of(seed, "calibration"))) {
      int label = images.get(list.get(u).get(0)).sample().label();
      boolean toFirst = surplus.getOrDefault(label, 0) < 0;
      for (int i : list.get(u)) {
        first[i] = toFirst;
        surplus.merge(images.get(i).sample().label(), toFirst ? 1 : -1, Integer::sum);
      }
    }
    return first;
  }

  private static int[] labels(List<Scored> images) {
    return images.stream().mapToInt(s -> s.sample().label()).toArray();
  }

  private static double[][] logits(List<Scored> images) {
    return images.stream().map(Scored::wide).toArray(double[][]::new);
  }

  /**
   * The calibration that a model file carries.
   *
   * @throws UserError when it is damaged
   */
  public static Optional<ModelCalibration> of(ModelInfo info) {
    if (info.calibration().isEmpty()) {
      return Optional.empty();
    }
    ModelCalibration c = Json.parse(SOURCE, info.calibration(), ModelCalibration.class);
    boolean two = info.classes().size() == 2;
    if (two ? !info.classes().contains(c.positive) : !c.positive.isEmpty()) {
      throw new UserError(
          Text.format(
              "%s: the positive class is '%s', the model's classes are %s",
              SOURCE, c.positive, info.classes()));
    }
    return Optional.of(c);
  }

  /**
   * A threshold by its name.
   *
   * @throws UserError naming those that there are
   */
  public OperatingPoint point(String name) {
    return points.stream()
        .filter(p -> p.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new UserError(
                    Text.format(
                        "the model has no operating point '%s'; it has %s",
                        name,
                        points.isEmpty()
                            ? "only " + EVEN + ", the most probable class"
                            : EVEN
                                + ", "
                                + points.stream()
                                    .map(OperatingPoint::name)
                                    .collect(Collectors.joining(", ")))));
  }

  /** The calibrated probability of the positive class at a score. */
  public double probability(double score) {
    return 1 / (1 + Math.exp(-score / temperature.value()));
  }
}
