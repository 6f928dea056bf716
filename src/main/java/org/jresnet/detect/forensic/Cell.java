package org.jresnet.detect.forensic;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.Text;
import org.jresnet.metrics.BinaryIntervals;
import org.jresnet.metrics.BinaryScores;
import org.jresnet.metrics.Interval;

/**
 * How a detector tells one kind of fake from one kind of real image, over the test scenes.
 *
 * @param auc area under the ROC curve
 * @param aucInterval 95 %, bootstrapped over scenes
 * @param eer equal error rate
 * @param calledFake share of the fakes whose probability of being generated is above 0.5
 * @param falseAlarms the same share of the real images
 */
record Cell(double auc, Interval aucInterval, double eer, double calledFake, double falseAlarms) {
  /** Seed of the bootstrap. */
  private static final long SEED = 1;

  /** Of the probabilities of being generated; element i of both is of one scene. */
  static Cell of(double[] real, double[] fake) {
    boolean[] positive = new boolean[real.length + fake.length];
    double[] scores = new double[positive.length];
    List<String> scenes = new ArrayList<>();
    for (int i = 0; i < scores.length; i++) {
      positive[i] = i >= real.length;
      scores[i] = positive[i] ? fake[i - real.length] : real[i];
      scenes.add("scene " + i % real.length);
    }
    BinaryScores all = BinaryScores.of(positive, scores).orElseThrow();
    Interval interval = BinaryIntervals.of(positive, scores, scenes, SEED).orElseThrow().auc();
    return new Cell(all.auc(), interval, all.eer(), above(fake), above(real));
  }

  /** Share of probabilities above 0.5. */
  static double above(double[] scores) {
    int above = 0;
    for (double score : scores) {
      above += score > 0.5 ? 1 : 0;
    }
    return (double) above / scores.length;
  }

  Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("auc", auc);
    values.put("auc_low", aucInterval.low());
    values.put("auc_high", aucInterval.high());
    values.put("eer", eer);
    values.put("called_fake", calledFake);
    values.put("false_alarms", falseAlarms);
    return values;
  }

  @Override
  public String toString() {
    return Text.format("%.3f", auc);
  }
}
