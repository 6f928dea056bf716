package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jresnet.data.Sample;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class QuantizerTest {
  /** 40 of 116 once took every second image, which is 58. */
  @ParameterizedTest
  @CsvSource({
    "116, 40, 40",
    "116, 58, 58",
    "116, 100, 58",
    "5, 1, 1",
    "2, 256, 1",
    "99999, 256, 256"
  })
  void asManyImagesCalibrateAsWereAskedFor(int images, int wanted, int expected) {
    List<Sample> samples =
        IntStream.range(0, images)
            .mapToObj(i -> new Sample(Path.of("x"), String.valueOf(i), i * 2 / images))
            .toList();
    Quantizer.Parts parts = Quantizer.Parts.of(samples, wanted);
    assertThat(parts.calibrating()).hasSize(expected);
    List<Sample> all = new ArrayList<>(parts.calibrating());
    all.addAll(parts.measuring());
    assertThat(all).containsExactlyInAnyOrderElementsOf(samples);
    // Samples are in the order of their classes: both classes must be in both parts.
    long first = parts.calibrating().stream().filter(s -> s.label() == 0).count();
    assertThat(first).isBetween(expected / 2L, expected / 2L + 1);
  }
}
