package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jresnet.base.Text;
import org.jresnet.inspect.exercise.Call.Mistake;
import org.jresnet.inspect.exercise.Call.Result;
import org.jresnet.metrics.Calibration;
import org.jresnet.metrics.Roc;

/** What an evaluation says of a detector: area under the ROC curve, and calibration error. */
final class MetricsExercise {
  private static final int BINS = Calibration.BINS;

  private MetricsExercise() {}

  static Exercise exercise() {
    return new Exercise(
        "metrics",
        "Metrics",
        "area under the ROC curve, calibration error",
        "06-honest-evaluation.md",
        MetricsExercise::tests);
  }

  private static List<Exercise.Test> tests() {
    List<Exercise.Test> tests = new ArrayList<>();
    tests.add(auc("four scores", new double[] {0.9, 0.4, 0.6, 0.1}, true, true, false, false));
    tests.add(auc("ties", new double[] {0.5, 0.5, 0.7, 0.5, 0.2}, true, false, true, true, false));
    tests.add(auc("all the wrong way round", new double[] {0.1, 0.2, 0.8}, true, true, false));
    tests.add(error("one bin", new double[] {0.91, 0.92, 0.93, 0.92}, true, true, false, true));
    tests.add(
        error(
            "errors of both signs",
            new double[] {0.95, 0.95, 0.65, 0.65},
            false,
            true,
            true,
            true));
    tests.add(
        error(
            "bins of different sizes",
            new double[] {0.99, 0.99, 0.99, 0.62},
            true,
            false,
            true,
            false));
    tests.add(
        error(
            "a confidence on the edge of a bin",
            new double[] {1, 0.6, 0.61, 0.59},
            true,
            true,
            true,
            false));
    tests.add(
        new Exercise.Test("2000 verdicts of an overconfident detector", MetricsExercise::many));
    return tests;
  }

  private static Exercise.Test auc(String name, double[] scores, boolean... positive) {
    return new Exercise.Test("auc: " + name, trial -> trial.call(auc(scores, positive)));
  }

  private static Exercise.Test error(String name, double[] confidence, boolean... correct) {
    return new Exercise.Test(
        "calibrationError: " + name, trial -> trial.call(error(confidence, correct)));
  }

  private static void many(Trial trial) {
    Random random = new Random(OpTests.SEED);
    int count = 2000;
    double[] scores = new double[count];
    boolean[] positive = new boolean[count];
    double[] confidence = new double[count];
    boolean[] correct = new boolean[count];
    for (int i = 0; i < count; i++) {
      positive[i] = i % 3 == 0;
      double logit = random.nextGaussian() + (positive[i] ? 1 : -1);
      // Rounded as a table of verdicts would be, so that some are equal.
      scores[i] = Math.round(1000 / (1 + Math.exp(-4 * logit))) / 1000.0;
      confidence[i] = Math.max(scores[i], 1 - scores[i]);
      correct[i] = scores[i] > 0.5 == positive[i];
    }
    trial.startClock();
    double auc = trial.call(auc(scores, positive)).get(0)[0];
    double error = trial.call(error(confidence, correct)).get(0)[0];
    trial.remark(
        Text.format(
            "2000 verdicts: AUC %.4f, calibration error %.2f %%, in %.3f s",
            auc, 100 * error, trial.seconds()));
  }

  private static Call auc(double[] scores, boolean... positive) {
    double expected = Roc.of(positive, scores).orElseThrow().auc();
    return new Call(
        "auc",
        Text.count(scores.length, "score"),
        List.of(scores.clone(), positive.clone()),
        List.of(Result.returned("auc", "", new double[] {expected})),
        () ->
            List.of(
                mistake(
                    "auc",
                    pairs(scores, positive, 0),
                    "a positive and a negative of one score count half; here they count nothing"),
                mistake(
                    "auc",
                    pairs(scores, positive, 1),
                    "a positive and a negative of one score count half; here they count whole"),
                mistake("auc", 1 - expected, "the classes are exchanged")));
  }

  /** The share of pairs in which the positive scores higher. */
  private static double pairs(double[] scores, boolean[] positive, double ofTies) {
    double won = 0;
    double pairs = 0;
    for (int i = 0; i < scores.length; i++) {
      for (int j = 0; j < scores.length; j++) {
        if (positive[i] && !positive[j]) {
          pairs++;
          won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? ofTies : 0;
        }
      }
    }
    return won / pairs;
  }

  private static Call error(double[] confidence, boolean... correct) {
    int n = confidence.length;
    int[] labels = new int[n];
    double[][] probabilities = new double[n][];
    for (int i = 0; i < n; i++) {
      labels[i] = correct[i] ? 0 : 1;
      probabilities[i] = new double[] {confidence[i], 1 - confidence[i]};
    }
    double expected = Calibration.of(labels, probabilities).orElseThrow().expectedError();
    List<Calibration.Bin> bins = Calibration.bins(labels, probabilities);
    return new Call(
        "calibrationError",
        Text.count(n, "verdict"),
        List.of(confidence.clone(), correct.clone(), BINS),
        List.of(Result.returned("calibrationError", "", new double[] {expected})),
        () ->
            List.of(
                mistake(
                    "calibrationError",
                    bins.stream().mapToDouble(b -> Math.abs(gap(b))).average().orElseThrow(),
                    "every bin counts the same; weight each by its share of the verdicts"),
                mistake(
                    "calibrationError",
                    bins.stream().mapToDouble(b -> gap(b) * b.correct().total() / n).sum(),
                    "gaps of opposite signs cancel: take each bin's absolute value"),
                mistake(
                    "calibrationError",
                    Math.abs(
                        bins.stream().mapToDouble(b -> gap(b) * b.correct().total() / n).sum()),
                    "the absolute value is taken of the sum, not of each bin"),
                mistake(
                    "calibrationError",
                    leftClosed(confidence, correct),
                    "bin b holds (b/bins, (b+1)/bins]: a confidence on the edge belongs below it")));
  }

  /** Confidence less accuracy. */
  private static double gap(Calibration.Bin bin) {
    return bin.confidence() - (double) bin.correct().hits() / bin.correct().total();
  }

  /** With bins that hold their lower edge instead of the upper one. */
  private static double leftClosed(double[] confidence, boolean[] correct) {
    double[] gaps = new double[BINS];
    for (int i = 0; i < confidence.length; i++) {
      int bin = Math.min(BINS - 1, (int) (confidence[i] * BINS));
      gaps[bin] += confidence[i] - (correct[i] ? 1 : 0);
    }
    double sum = 0;
    for (double gap : gaps) {
      sum += Math.abs(gap);
    }
    return sum / confidence.length;
  }

  private static Mistake mistake(String result, double value, String hint) {
    return new Mistake(result, new double[] {value}, hint);
  }
}
