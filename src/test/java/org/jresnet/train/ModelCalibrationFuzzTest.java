package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jresnet.base.Json;
import org.jresnet.base.UserError;
import org.jresnet.metrics.Calibration;
import org.jresnet.metrics.Conformal;
import org.jresnet.metrics.Interval;
import org.jresnet.metrics.OperatingPoint;
import org.jresnet.metrics.Proportion;
import org.jresnet.metrics.Temperature;
import org.jresnet.testing.Bounded;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The calibration in a model's metadata: refused, or of use for predictions. */
class ModelCalibrationFuzzTest {
  private static final Bounded.Limits LIMITS = new Bounded.Limits(2, 20, 64 << 20, 400);
  private static final List<String> CLASSES = List.of("fake", "real");

  static Stream<Arguments> seeds() {
    ModelCalibration.Reliability reliability =
        new ModelCalibration.Reliability(
            0.1, 0.2, 0.3, List.of(new Calibration.Bin(9, 0.65, new Proportion(2, 3))));
    ModelCalibration calibration =
        new ModelCalibration(
            3,
            6,
            3,
            new Temperature(1.5, Temperature.Fit.FITTED),
            reliability,
            reliability,
            "fake",
            List.of(
                new OperatingPoint(
                    "eer",
                    0.5,
                    new Interval(-1, 2),
                    new Proportion(1, 3),
                    new Proportion(2, 3),
                    true)),
            new Conformal(3, List.of(0.1, 0.2, 0.9)));
    return Stream.of(
        Arguments.of((Object) Json.line(calibration).getBytes(StandardCharsets.UTF_8)),
        Arguments.of((Object) "{\"temperature\":{\"value\":0}}".getBytes(StandardCharsets.UTF_8)));
  }

  @MethodSource("seeds")
  @FuzzTest
  void reads(byte[] bytes) throws Exception {
    String text = new String(bytes, StandardCharsets.UTF_8);
    Bounded.run(
        LIMITS,
        bytes.length,
        () -> {
          try {
            ModelCalibration c = Json.parse("metadata", text, ModelCalibration.class);
            assertThat(Json.parse("again", Json.line(c), ModelCalibration.class)).isEqualTo(c);
            double[] logits = {1, -1};
            double[] p = c.temperature().probabilities(logits);
            Prediction prediction = new Prediction(CLASSES, logits, p, Optional.of(c), 1, 1);
            assertThat(CLASSES).containsAll(prediction.set(0.05));
            for (OperatingPoint point : c.points()) {
              assertThat(CLASSES).contains(prediction.label(point));
            }
          } catch (UserError e) {
            assertThat(e.getMessage()).isNotEmpty();
          }
          return null;
        });
  }
}
