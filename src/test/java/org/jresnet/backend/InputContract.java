package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Random;
import org.jresnet.check.Comparison;
import org.jresnet.check.OpRun;
import org.jresnet.graph.Shape;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Pixels on their way into a network. */
interface InputContract extends BackendUnderTest {
  @ParameterizedTest
  @MethodSource("precisions")
  default void normalisesPixels(Precision precision) {
    require(precision);
    Shape shape = new Shape(2, 16, 16, 3);
    List<Float> mean = List.of(0.485f, 0.456f, 0.406f);
    List<Float> std = List.of(0.229f, 0.224f, 0.225f);
    byte[] pixels = new byte[(int) shape.elements() + 5];
    new Random(3).nextBytes(pixels);
    double[] expected = new double[(int) shape.elements()];
    for (int i = 0; i < expected.length; i++) {
      float unit = (pixels[i] & 255) / 255f;
      expected[i] = OpRun.round((unit - mean.get(i % 3)) / std.get(i % 3), precision.activation());
    }
    long bytes = shape.elements() * precision.activation().bytes();
    try (Buffer memory = backend().allocate("a test", bytes)) {
      Tensor y = new Tensor(memory, 0, precision.activation(), shape.elements());
      OpRun.write(y, BackendUnderTest.nan(expected.length));
      try (InputOp input = backend().input(shape, new Normalization(mean, std), y)) {
        input.load(pixels);
        input.run();
      }
      assertThat(EXACT.compare("y", new int[] {2, 16, 16, 3}, OpRun.read(y), expected))
          .matches(Comparison::ok);
      assertThatThrownBy(
              () -> backend().input(shape, new Normalization(List.of(0f), List.of(1f)), y))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("1 channels");
    }
  }
}
