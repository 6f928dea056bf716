package org.jresnet.detect.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ChartTest {
  @Test
  void ticksAreRoundNumbers() {
    assertThat(Axis.linear("x", 0, 1).ticks())
        .containsExactly(0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0);
    assertThat(Axis.linear("x", -7, 8).ticks()).containsExactly(-5.0, 0.0, 5.0);
    assertThat(Axis.counts("x", 1, 3).ticks()).containsExactly(1.0, 2.0, 3.0);
    assertThat(Axis.counts("x", 0, 100).ticks()).hasSize(11).contains(0.0, 10.0, 100.0);
    assertThat(Axis.counts("x", 1, 1).high()).isEqualTo(2);
    assertThat(Axis.linear("x", 3, 3).high()).isEqualTo(4);
    assertThat(Axis.shares("x").text(0.6000000000000001)).isEqualTo("60");
    assertThat(Axis.linear("x", 0, 1).text(-0.0)).isEqualTo("0");
    assertThat(Axis.errorRates("x").text(0.001)).isEqualTo("0.1");
  }

  @Test
  void errorRatesLieOnTheNormalDistributionsQuantiles() {
    Axis a = Axis.errorRates("x");
    // Φ⁻¹ of 0.0005, 0.5 and 0.6.
    assertThat(a.place(0.5)).isCloseTo(3.290527 / (3.290527 + 0.253347), within(1e-6));
    assertThat(a.place(0)).isZero();
    assertThat(a.place(1)).isEqualTo(1);
  }

  @Test
  void linesRunBetweenTheEndsAndLeaveGaps() {
    String svg =
        new Chart("t", Axis.linear("x", 0, 1), Axis.linear("y", 0, 1))
            .line("a", new double[] {0, 0.5, Double.NaN, 1}, new double[] {0, 1, 1, 1})
            .svg();
    assertThat(svg)
        .contains("<polyline class='s0' points='52.0,256.0 229.0,12.0'/>")
        .contains("<circle class='s0' r='2.5' cx='406.0' cy='12.0'/>")
        .doesNotContain("NaN", "legend");
  }
}
