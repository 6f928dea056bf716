package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.jresnet.graph.DType;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Bytes times factors in single precision against their definition. */
final class QuantizedMultiplyTest {
  static Stream<Arguments> products() {
    List<Arguments> all = new ArrayList<>();
    for (String backend : List.of("cpu", "gpu")) {
      for (QuantParams in :
          List.of(new QuantParams(DType.U8, 0.013), new QuantParams(DType.I8, 0.021))) {
        // Channels that sixteen divides or not, and images that end within sixteen bytes.
        for (Shape x :
            List.of(new Shape(2, 3, 5, 32), new Shape(3, 7, 1, 24), new Shape(3, 1, 3, 5))) {
          for (Shape factors : List.of(x, new Shape(x.n(), 1, 1, x.c()))) {
            all.add(
                Arguments.of(
                    backend,
                    new OpSpec(
                        new Multiply(),
                        List.of(),
                        List.of(new TensorSpec(x, in), new TensorSpec(factors, DType.F32)),
                        new TensorSpec(x, new QuantParams(DType.I8, 0.012)),
                        Mode.EVALUATE,
                        Pass.INFERENCE,
                        Map.of())));
          }
        }
      }
    }
    return all.stream();
  }

  @ParameterizedTest
  @MethodSource("products")
  void computes(String name, OpSpec spec) {
    Random random = new Random(spec.toString().hashCode());
    QuantParams in = spec.inputs().get(0).quant().orElseThrow();
    QuantParams out = spec.output().quant().orElseThrow();
    Shape x = spec.x();
    Shape shape = spec.inputs().get(1).shape();
    byte[] bytes = BytesRun.bytes(random, x, in);
    byte[] y = BytesRun.bytes(random, x, out);
    float[] factors = new float[(int) shape.elements()];
    for (int i = 0; i < factors.length; i++) {
      factors[i] = random.nextFloat();
    }
    byte[] actual;
    try (Backend backend = BytesRun.open(name)) {
      Map<Slot, byte[]> tensors = Map.of(Slot.X, bytes, Slot.Y, y);
      actual = BytesRun.run(backend, spec, tensors, Map.of(Slot.RESIDUAL, factors));
    }
    int saturated = 0;
    for (int i = 0; i < actual.length; i++) {
      int image = i / (x.h() * x.w() * x.c());
      double factor = factors[shape.equals(x) ? i : image * x.c() + i % x.c()];
      double expected = BytesRun.value(bytes[i], in) * in.scale() * factor;
      double distance = Math.abs(expected / out.scale() - actual[i]);
      boolean beyond = Math.abs(expected) > out.scale() * 127;
      assertThat(actual[i] == out.integer(expected) || distance < 0.5 + 1e-3)
          .as("element %d: expected %s, found %d", i, expected / out.scale(), actual[i])
          .isTrue();
      saturated += beyond ? 1 : 0;
    }
    assertThat(saturated).as("elements beyond the range").isBetween(1, actual.length / 2);
  }
}
