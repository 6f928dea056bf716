package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.check.OpRun;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Filters in the order that cuDNN wants, and with a norm folded into them. */
class FilterKernelsTest extends KernelTest {
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16", "F16"})
  void filtersArePackedAndUnpacked(DType type) {
    // Vectors that end in the middle of a channel, a filter, a convolution; 1x1 and of one channel.
    int[][] extents = {{5, 3, 9}, {16, 8, 1}, {4, 16, 9}, {3, 5, 1}, {7, 1, 4}, {1, 1, 1}};
    List<float[]> weights = new ArrayList<>();
    List<DeviceMemory> packed = new ArrayList<>();
    List<DeviceMemory> back = new ArrayList<>();
    List<Reorder.Segment> packing = new ArrayList<>();
    List<Reorder.Segment> unpacking = new ArrayList<>();
    for (int[] e : extents) {
      float[] weight = normal(e[0] * e[1] * e[2]);
      DeviceMemory to = memory((long) weight.length * type.bytes());
      DeviceMemory again = floats(new float[weight.length]);
      weights.add(weight);
      packed.add(to);
      back.add(again);
      packing.add(new Reorder.Segment(at(floats(weight)), at(to), e[0], e[1], e[2]));
      unpacking.add(new Reorder.Segment(at(to), at(again), e[0], e[1], e[2]));
    }
    try (HostDevice host = new HostDevice();
        Reorder pack = new Reorder(host, "pack_" + Gpu.suffix(type), packing);
        Reorder unpack = new Reorder(host, "unpack_" + Gpu.suffix(type), unpacking)) {
      pack.run();
      unpack.run();
    }
    for (int i = 0; i < extents.length; i++) {
      int c = extents[i][1];
      int rs = extents[i][2];
      float[] weight = weights.get(i);
      float[] again = floats(back.get(i));
      for (int j = 0; j < weight.length; j++) {
        int f = j / rs / c;
        int ch = j / rs % c;
        int p = j % rs;
        assertThat(element(type, packed.get(i).hostView(), (f * rs + p) * c + ch))
            .as("element %d of filter %d", j, i)
            .isEqualTo((float) OpRun.round(weight[j], type));
        assertThat(again[j]).isEqualTo((float) OpRun.round(weight[j], type));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void normsAreFoldedIntoFilterAndBias(boolean biased) {
    int k = 4;
    int c = 3;
    int rs = 9;
    float[] weight = normal(k * c * rs);
    float[] offset = biased ? normal(k) : new float[k];
    float[] gamma = normal(k);
    float[] beta = normal(k);
    float[] mean = normal(k);
    float[] var = {0.5f, 2, 1e-3f, 7};
    DeviceMemory packed = memory(4L * weight.length);
    DeviceMemory bias = memory(4L * k);
    launch(
        "fold_float",
        new Arguments()
            .add(at(floats(weight)))
            .add(biased ? at(floats(offset)) : 0L)
            .add(at(floats(gamma)))
            .add(at(floats(beta)))
            .add(at(floats(mean)))
            .add(at(floats(var)))
            .add(1e-5f)
            .add(at(packed))
            .add(at(bias))
            .add(k)
            .add(c)
            .add(rs));
    for (int f = 0; f < k; f++) {
      double factor = gamma[f] / Math.sqrt(var[f] + 1e-5);
      assertThat((double) floats(bias)[f])
          .isCloseTo(
              beta[f] + (offset[f] - mean[f]) * factor, within(1e-5 * (1 + Math.abs(factor))));
      for (int ch = 0; ch < c; ch++) {
        for (int p = 0; p < rs; p++) {
          assertThat((double) floats(packed)[(f * rs + p) * c + ch])
              .isCloseTo(
                  weight[(f * c + ch) * rs + p] * factor, within(1e-5 * Math.abs(factor) + 1e-7));
        }
      }
    }
  }
}
