package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.Test;

/** Ranges for int8. */
class CalibrationTest {
  private static float[] uniform(int count, float largest) {
    Random random = new Random(1);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = largest * (2 * random.nextFloat() - 1);
    }
    return values;
  }

  @Test
  void evenlySpreadValuesKeepTheirWholeRange() {
    Calibration.Histogram histogram = new Calibration.Histogram();
    histogram.add(uniform(100_000, 3), 100_000);
    assertThat(histogram.range(127)).isCloseTo(3, within(0.05f));
  }

  @Test
  void aLoneOutlierIsClipped() {
    Calibration.Histogram histogram = new Calibration.Histogram();
    float[] values = uniform(1_000_000, 1);
    histogram.add(values, values.length);
    histogram.add(new float[] {8}, 1);
    assertThat(histogram.range(127)).isBetween(0.95f, 4f);
  }

  @Test
  void aGreaterValueLaterWidensTheBins() {
    Calibration.Histogram together = new Calibration.Histogram();
    Calibration.Histogram apart = new Calibration.Histogram();
    float[] small = uniform(50_000, 1);
    float[] large = uniform(50_000, 16);
    float[] both = new float[100_000];
    System.arraycopy(small, 0, both, 0, small.length);
    System.arraycopy(large, 0, both, small.length, large.length);
    together.add(both, both.length);
    apart.add(small, small.length);
    apart.add(large, large.length);
    assertThat(apart.range(255)).isCloseTo(together.range(255), within(0.3f));
  }

  @Test
  void paddingDoesNotCountAndZerosHaveARange() {
    Calibration.Histogram histogram = new Calibration.Histogram();
    histogram.add(new float[] {0, 0, 5}, 2);
    assertThat(histogram.range(255)).isEqualTo(1);
    histogram.add(new float[] {2, 9}, 1);
    assertThat(histogram.range(255)).isCloseTo(2, within(0.02f));
  }

  @Test
  void damagedWeightsAreNamed() {
    assertThatThrownBy(() -> new Calibration.Histogram().add(new float[] {Float.NaN}, 1))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("not finite");
    assertThatThrownBy(
            () -> new Calibration.Histogram().add(new float[] {1, Float.POSITIVE_INFINITY}, 2))
        .isInstanceOf(UserError.class);
  }
}
