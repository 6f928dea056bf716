package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Updates, and the norm of their gradients, against the reference backend. */
class OptimizerKernelsTest extends KernelTest {
  static Stream<UpdateRule> optimizers() {
    return Stream.of(
        new UpdateRule.Adam(0.9, 0.999, 1e-8, 0.01),
        new UpdateRule.AdamW(0.9, 0.999, 1e-8, 0.01),
        new UpdateRule.Sgd(0.9, 1e-4));
  }

  @ParameterizedTest
  @MethodSource("optimizers")
  void optimizersAreTheReferences(UpdateRule rule) {
    int count = 1003; // no multiple of the vectors' four
    float[] p = normal(count);
    float[] g = normal(count);
    DeviceMemory parameters = floats(p);
    DeviceMemory gradients = floats(g);
    List<DeviceMemory> states = new ArrayList<>();
    for (int i = 0; i < rule.states(); i++) {
      states.add(floats(new float[count]));
    }
    try (Backend reference = new ReferenceBackend();
        var memory = reference.allocate("a test", 8L * count * (2 + rule.states()))) {
      List<Tensor> arenas = new ArrayList<>();
      for (int i = 0; i < 2 + rule.states(); i++) {
        arenas.add(new Tensor(memory, 8L * count * i, DType.F64, count));
      }
      arenas.get(0).set(p);
      arenas.get(1).set(g);
      arenas.stream().skip(2).forEach(t -> t.set(new float[count]));
      List<Optimizer.Range> all = List.of(new Optimizer.Range(0, count));
      try (Optimizer optimizer =
          reference.optimizer(
              rule, arenas.get(0), arenas.get(1), arenas.subList(2, arenas.size()))) {
        for (int step = 1; step <= 5; step++) {
          optimizer.step(all, 1e-2, step, 0.5);
          double[] c = new double[GpuOptimizer.CONSTANTS];
          GpuOptimizer.constants(rule, 1e-2, step, 0.5, c);
          float[] narrow = new float[c.length + 1];
          narrow[c.length] = 1;
          for (int i = 0; i < c.length; i++) {
            narrow[i] = (float) c[i];
          }
          Arguments arguments = new Arguments().add(at(parameters)).add(at(gradients));
          states.forEach(s -> arguments.add(at(s)));
          launch(
              states.size() == 2 ? "adam" : "sgd",
              arguments.add(at(floats(narrow))).add((long) count));
        }
      }
      float[] expected = arenas.get(0).toFloats();
      for (int i = 0; i < count; i++) {
        assertThat(floats(parameters)[i]).isCloseTo(expected[i], within(1e-5f));
      }
    }
  }

  @Test
  void squaresAreSummedOverSeveralRanges() {
    float[] g = normal(1001);
    double expected = 0;
    for (float v : g) {
      expected += 2.0 * v * v;
    }
    DeviceMemory values = floats(g);
    DeviceMemory partial = memory(8 * 3);
    DeviceMemory result = memory(8);
    result.hostView().order(ByteOrder.nativeOrder()).putDouble(0, Double.NaN);
    for (int keep = 0; keep < 2; keep++) {
      launch("squares", new Arguments().add(at(values)).add(at(partial)).add((long) g.length));
      HostKernels.launch(
          "sumUp", 1, new Arguments().add(at(partial)).add(at(result)).add(3).add(keep).bits());
    }
    assertThat(result.hostView().getDouble(0)).isCloseTo(expected, within(1e-9 * expected));
  }

  /** A part of an arena that starts between two vectors, beside one that starts with a vector. */
  @Test
  void partsThatStartBetweenVectorsAreUpdated() {
    int count = 101;
    float[] g = normal(count + 1);
    DeviceMemory gradients = floats(g);
    DeviceMemory parameters = floats(new float[count]);
    DeviceMemory momentum = floats(new float[count]);
    DeviceMemory constants = floats(0.5f, 1, 0.9f, 0, 0, 0, 1, 0, 1, 1);
    launch(
        "sgd",
        new Arguments()
            .add(at(parameters))
            .add(gradients.address(4, 4L * count))
            .add(at(momentum))
            .add(at(constants))
            .add((long) count));
    launch(
        "add_float",
        new Arguments()
            .add(gradients.address(4, 4L * count))
            .add(at(parameters))
            .add(at(momentum))
            .add((long) count));
    for (int i = 0; i < count; i++) {
      assertThat(floats(parameters)[i]).isEqualTo(-0.5f * g[i + 1]);
      assertThat(floats(momentum)[i]).isEqualTo(g[i + 1] + floats(parameters)[i]);
    }
  }
}
