package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.jresnet.check.OpRun;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Sums over the pixels of a channel, and biases, whose gradients they are. */
class SumKernelsTest extends KernelTest {
  private void sums(String suffix, DeviceMemory x, DeviceMemory sums, int c, int pixels) {
    int slices = 3;
    DeviceMemory partial = memory(4L * slices * c);
    launch(
        "normSums" + suffix,
        area(
            new Arguments().add(0L).add(at(x)).add(0L).add(0L).add(at(partial)),
            c,
            pixels,
            slices));
    launch(
        "normSumsFold",
        area(
            new Arguments().add(at(partial)).add(0L).add(0L).add(0f).add(0L).add(at(sums)),
            c,
            pixels,
            slices));
  }

  private static Arguments area(Arguments arguments, int c, int pixels, int slices) {
    return arguments.add(c).add(0).add(c).add(pixels).add(slices);
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16", "F16"})
  void channelsAreSummed(DType type) {
    int c = 5;
    int pixels = 203;
    float[] values = normal(c * pixels);
    DeviceMemory master = floats(values);
    DeviceMemory x = memory((long) values.length * type.bytes());
    DeviceMemory sums = memory(4L * c);
    String suffix = Gpu.suffix(type);
    launch(
        "narrow_" + suffix,
        new Arguments().add(at(master)).add(at(x)).add(0).add((long) values.length));
    sums("Scalar_" + suffix, x, sums, c, pixels);
    for (int channel = 0; channel < c; channel++) {
      double expected = 0;
      for (int p = 0; p < pixels; p++) {
        expected += (float) OpRun.round(values[p * c + channel], type);
      }
      assertThat((double) floats(sums)[channel]).isCloseTo(expected, within(1e-5));
    }
  }

  @Test
  void biasesAreAddedAndSummed() {
    int n = 3;
    int k = 5;
    float[] y = normal(n * k);
    float[] bias = normal(k);
    DeviceMemory sums = floats(y);
    launch(
        "addBias_float",
        new Arguments().add(at(sums)).add(at(floats(bias))).add(k).add((long) n * k));
    DeviceMemory gradient = memory(4L * k);
    sums("Scalar_float", floats(y), gradient, k, n);
    for (int i = 0; i < k; i++) {
      float sum = 0;
      for (int row = 0; row < n; row++) {
        assertThat(floats(sums)[row * k + i]).isEqualTo(y[row * k + i] + bias[i]);
        sum += y[row * k + i];
      }
      assertThat(floats(gradient)[i]).isCloseTo(sum, within(1e-5f));
    }
  }
}
