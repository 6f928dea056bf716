package org.jresnet.base;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class QuantileTest {
  @ParameterizedTest
  @CsvSource({"0, 1", "0.25, 6", "0.5, 11", "0.95, 20", "1, 20"})
  void isOneOfTheValues(double share, double expected) {
    double[] falling = IntStream.range(0, 20).mapToDouble(i -> 20 - i).toArray();
    assertThat(Quantile.of(falling, share)).isEqualTo(expected);
    assertThat(falling[0]).as("the array of the caller").isEqualTo(20);
  }

  @Test
  void ofNothingIsNoNumber() {
    assertThat(Quantile.of(new double[0], 0.5)).isNaN();
  }
}
