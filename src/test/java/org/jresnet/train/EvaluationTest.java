package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.jresnet.data.Grouping;
import org.jresnet.data.Sample;
import org.jresnet.metrics.Interval;
import org.junit.jupiter.api.Test;

/** Figures of evaluations whose scores are known. */
final class EvaluationTest {
  private static final List<String> CLASSES = List.of("fake", "real");

  /** Persons of ten images each, whose images are all right or mostly wrong together. */
  private static Evaluation persons(int persons, String prefix) {
    Random random = new Random(4);
    List<Scored> scored = new ArrayList<>();
    for (int p = 0; p < persons; p++) {
      double person = 1 + 2 * random.nextGaussian();
      for (int i = 0; i < 10; i++) {
        int label = p % 2;
        float score = (float) (person + 0.2 * random.nextGaussian());
        float[] logits = label == 0 ? new float[] {score, 0} : new float[] {0, score};
        String id = prefix + CLASSES.get(label) + "/p" + p + "-" + i + ".png";
        scored.add(new Scored(new Sample(Path.of(id), id, label), logits));
      }
    }
    return new Evaluation(CLASSES, 0, scored, Map.of(), Optional.empty());
  }

  private static double width(Interval i) {
    return i.high() - i.low();
  }

  /** With ten dependent images a person, intervals are about the root of ten wider. */
  @Test
  void groupsWidenEveryInterval() {
    Evaluation alone = persons(40, "");
    Evaluation grouped = alone.withGroups(Grouping.of("/(p\\d+)-"));
    assertThat(grouped.groups()).hasSize(400).contains("p39");
    assertThat(grouped.binary()).isEqualTo(alone.binary());
    assertThat(width(grouped.intervals().orElseThrow().auc()))
        .isGreaterThan(1.8 * width(alone.intervals().orElseThrow().auc()));
    assertThat(width(grouped.intervals().orElseThrow().eer()))
        .isGreaterThan(1.8 * width(alone.intervals().orElseThrow().eer()));
    List<Interval> accuracy = grouped.groupedAccuracy().orElseThrow();
    assertThat(accuracy).hasSize(3);
    assertThat(width(accuracy.get(0)))
        .isGreaterThan(1.8 * width(alone.confusion().accuracy().interval().orElseThrow()));
    double share = alone.confusion().accuracy(1).share();
    assertThat(accuracy.get(2).low()).isLessThanOrEqualTo(share);
    assertThat(accuracy.get(2).high()).isGreaterThanOrEqualTo(share);
    assertThat(alone.groupedAccuracy()).isEmpty();
  }

  /** Patterns speak of paths below a part's folder, as they do in the split. */
  @Test
  void partsAreNoPartOfAGroup() {
    Evaluation test = persons(4, "test/").withGroups(Grouping.of("^([^/]+/p\\d+)"));
    assertThat(test.groups()).contains("fake/p0", "real/p3").doesNotContain("test/fake");
  }

  @Test
  void curvesAreThinnedAndKeepTheirEnds() {
    Evaluation e = persons(400, "");
    Map<String, Object> curves = EvaluationMetrics.curves(e).orElseThrow();
    Map<String, Integer> sizes = new HashMap<>();
    for (String name : List.of("roc", "det")) {
      List<?> points = (List<?>) curves.get(name);
      sizes.put(name, points.size());
      List<?> first = (List<?>) points.get(0);
      List<?> last = (List<?>) points.get(points.size() - 1);
      assertThat(first.get(0)).isEqualTo(0.0);
      assertThat(last.get(0)).isEqualTo(1.0);
      double before = -1;
      for (Object point : points) {
        double rate = (Double) ((List<?>) point).get(0);
        assertThat(rate).isGreaterThanOrEqualTo(before);
        before = rate;
      }
    }
    assertThat(sizes.get("roc")).isBetween(150, 400);
    assertThat(sizes.get("det")).isBetween(50, 400);
  }
}
