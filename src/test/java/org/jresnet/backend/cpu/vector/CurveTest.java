package org.jresnet.backend.cpu.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class CurveTest {
  private static final int COUNT = 1 << 16;

  @BeforeAll
  static void requireVectors() {
    assumeTrue(
        ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent(),
        "Java was started without its Vector API");
  }

  /**
   * Two units in the last place of the exponential, a rounding of the sum and one of the quotient.
   */
  @Test
  void siluIsWithinFourUnitsInTheLastPlace() {
    float[] x = new float[COUNT];
    for (int i = 0; i < COUNT; i++) {
      x[i] = (i - COUNT / 2) * (87f / (COUNT / 2));
    }
    float[] y = x.clone();
    Curve.SILU.apply(y, 0, COUNT);
    for (int i = 0; i < COUNT; i++) {
      double expected = x[i] / (1 + Math.exp(-(double) x[i]));
      assertThat((double) y[i])
          .as("SiLU of %s", x[i])
          .isEqualTo(expected, within(4 * 0x1p-23 * Math.abs(expected)));
    }
  }

  @Test
  void nanStaysNanAndLargeNumbersStayTheirOwn() {
    float[] y = new float[64];
    y[0] = Float.NaN;
    y[1] = Float.intBitsToFloat(0xFFC00000);
    y[2] = 1e30f;
    y[3] = -1e30f;
    y[4] = Float.POSITIVE_INFINITY;
    y[5] = -0f;
    for (Curve curve : Curve.values()) {
      float[] z = y.clone();
      curve.apply(z, 0, z.length);
      assertThat(z[0]).as("%s of NaN", curve).isNaN();
      assertThat(z[1]).as("%s of a negative NaN", curve).isNaN();
    }
    Curve.SILU.apply(y, 0, y.length);
    assertThat(y[2]).isEqualTo(1e30f);
    assertThat(y[3]).isCloseTo(0, within(1e-6f));
    assertThat(y[4]).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(y[5]).isEqualTo(-0f);
  }
}
