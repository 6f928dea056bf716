package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class PerceptualHashTest {
  private static double[] fields(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] fields = new double[PerceptualHash.SIDE * PerceptualHash.SIDE];
    double[] phases = random.doubles(24, 0, 6.3).toArray();
    for (int i = 0; i < fields.length; i++) {
      int y = i / PerceptualHash.SIDE;
      int x = i % PerceptualHash.SIDE;
      for (int k = 0; k < 24; k++) {
        fields[i] += Math.cos(0.1 * (k % 5) * x + 0.1 * (k / 5) * y + phases[k]);
      }
    }
    return fields;
  }

  @Test
  void brightnessAndContrastChangeNothing() {
    double[] fields = fields(1);
    double[] darker = fields.clone();
    for (int i = 0; i < darker.length; i++) {
      darker[i] = 0.5 * darker[i] - 7;
    }
    PerceptualHash hash = PerceptualHash.of(fields);
    PerceptualHash other = PerceptualHash.of(darker);
    assertThat(hash.lowDistance(other)).isLessThanOrEqualTo(1);
    assertThat(hash.neighbourDistance(other)).isLessThanOrEqualTo(1);
  }

  @Test
  void halfOfTheLowestFrequenciesLiesAboveTheMedian() {
    for (long seed = 0; seed < 20; seed++) {
      assertThat(Long.bitCount(PerceptualHash.of(fields(seed)).low())).isEqualTo(32);
    }
  }

  @Test
  void unrelatedImagesAreFarApart() {
    double sum = 0;
    int pairs = 0;
    for (long seed = 0; seed < 30; seed++) {
      for (long other = 0; other < seed; other++, pairs++) {
        sum += PerceptualHash.of(fields(seed)).lowDistance(PerceptualHash.of(fields(other)));
      }
    }
    assertThat(sum / pairs).isBetween(28.0, 36.0);
  }

  @Test
  void brighterNeighboursAreSeen() {
    double[] ramp = new double[PerceptualHash.SIDE * PerceptualHash.SIDE];
    for (int i = 0; i < ramp.length; i++) {
      ramp[i] = i % PerceptualHash.SIDE;
    }
    PerceptualHash hash = PerceptualHash.of(ramp);
    assertThat(hash.across()).isEqualTo(-1L);
    assertThat(hash.down()).isZero();
  }

  /** What the index finds is what comparing everything finds, each once. */
  @Test
  void indexFindsAllThatIsNear() {
    SplittableRandom random = new SplittableRandom(7);
    long[] words = new long[3000];
    for (int i = 0; i < words.length; i++) {
      words[i] = random.nextLong();
    }
    for (int i = 1; i < words.length; i += 2) {
      words[i] = words[i - 1];
      for (int flips = random.nextInt(16); flips > 0; flips--) {
        words[i] ^= 1L << random.nextInt(64);
      }
    }
    HammingIndex index = new HammingIndex(words);
    for (int radius : new int[] {0, 3, 4, 8, 11}) {
      int pairs = 0;
      for (int q = 0; q < 400; q++) {
        List<Integer> expected = new ArrayList<>();
        for (int i = 0; i < words.length; i++) {
          if (Long.bitCount(words[i] ^ words[q]) <= radius) {
            expected.add(i);
          }
        }
        List<Integer> found = new ArrayList<>();
        index.near(words[q], radius, found::add);
        assertThat(found).as("radius %d", radius).containsExactlyInAnyOrderElementsOf(expected);
        pairs += expected.size() - 1;
      }
      assertThat(pairs).as("radius %d", radius).isPositive();
    }
    assertThatThrownBy(() -> index.near(0, 12, i -> {})).hasMessageContaining("radius");
  }
}
