package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.jresnet.check.Specs;
import org.jresnet.graph.DType;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DrawsTest {
  private static final long COUNT = 1_000_000;

  private static Draws draws(double p, Dropout.Unit unit) {
    return Draws.of(
        Specs.of(
            new Dropout(p, unit),
            List.of(new Shape(3, 2, 2, 5)),
            DType.F64,
            Pass.TRAINING,
            GradientWrite.OVERWRITE));
  }

  @Test
  void drawsAreThoseOfSplittableRandom() {
    for (long key : new long[] {0, -5, 0x123456789ABCDEFL}) {
      SplittableRandom random = new SplittableRandom(key);
      for (int u = 0; u < 100; u++) {
        assertThat(Draws.draw(key, u)).as("draw %d from %d", u, key).isEqualTo(random.nextLong());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.01, 0.3, 0.5, 0.999, 1})
  void theShareOfDroppedUnitsIsP(double p) {
    Draws draws = draws(p, Dropout.Unit.ELEMENT);
    long key = Draws.bits(Draws.key(1, 2, "layer1.0.drop"));
    long dropped = 0;
    for (long i = 0; i < COUNT; i++) {
      double factor = draws.factor(key, i);
      dropped += factor == 0 ? 1 : 0;
      assertThat(factor == 0 || factor == 1 / (1 - p)).isTrue();
    }
    // Five standard deviations of a binomial.
    double deviation = 5 * Math.sqrt(p * (1 - p) * COUNT);
    assertThat(Math.abs(dropped - p * COUNT)).isLessThanOrEqualTo(deviation);
  }

  @Test
  void elementsOfAnImageShareADraw() {
    Draws draws = draws(0.5, Dropout.Unit.IMAGE);
    Set<String> patterns = new HashSet<>();
    for (int step = 0; step < 64; step++) {
      long key = Draws.bits(Draws.key(1, step, "drop"));
      StringBuilder pattern = new StringBuilder();
      for (int n = 0; n < 3; n++) {
        double first = draws.factor(key, n * 20L);
        for (int i = 1; i < 20; i++) {
          assertThat(draws.factor(key, n * 20L + i)).isEqualTo(first);
        }
        pattern.append(first == 0 ? 'x' : 'o');
      }
      patterns.add(pattern.toString());
    }
    assertThat(patterns).hasSize(8);
  }

  @Test
  void keysDifferBySeedStepAndNode() {
    Set<Double> keys = new HashSet<>();
    for (long seed = 0; seed < 20; seed++) {
      for (long step = 0; step < 50; step++) {
        for (String node : new String[] {"a", "b", "layer1.0.drop", "layer1.1.drop"}) {
          double key = Draws.key(seed, step, node);
          assertThat(key).isBetween(1.0, Math.nextDown(2.0)).isEqualTo(Draws.key(seed, step, node));
          keys.add(key);
        }
      }
    }
    assertThat(keys).hasSize(20 * 50 * 4);
  }
}
