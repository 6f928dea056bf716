package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jresnet.check.OpRun;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Elements that become others: rounded, and pixels normalised. */
class ElementKernelsTest extends KernelTest {
  @Test
  void bf16AndF16RoundAsTheHostDoes() {
    float[] values = {
      0,
      -0f,
      1,
      -1,
      1.00390625f,
      65504,
      65520,
      1e-8f,
      5.9604645e-8f,
      3e-5f,
      -2.98e-8f,
      Float.NaN,
      Float.POSITIVE_INFINITY,
      3.4e38f
    };
    Random random = new Random(7);
    float[] all = Arrays.copyOf(values, 4000);
    for (int i = values.length; i < all.length; i++) {
      all[i] = Float.intBitsToFloat(random.nextInt());
    }
    DeviceMemory from = floats(all);
    for (DType type : List.of(DType.BF16, DType.F16)) {
      DeviceMemory to = memory(2L * all.length);
      launch(
          "narrow_" + Gpu.suffix(type),
          new Arguments().add(at(from)).add(at(to)).add(0).add((long) all.length));
      for (int i = 0; i < all.length; i++) {
        // Boxed, so that NaN equals NaN.
        assertThat((Float) element(type, to.hostView(), i))
            .as("%s of %s", type, all[i])
            .isEqualTo((Float) (float) OpRun.round(all[i], type));
      }
    }
  }

  /** Up to four channels are looked up, more are computed; the counts are no multiple of 16. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3, 4, 5})
  void pixelsAreNormalised(int channels) {
    byte[] pixels = new byte[channels * 259];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (i / channels);
    }
    float[] meanStd = new float[2 * channels];
    for (int c = 0; c < channels; c++) {
      meanStd[c] = 0.485f - 0.04f * c;
      meanStd[channels + c] = 0.229f + 0.01f * c;
    }
    DeviceMemory from = memory(pixels.length);
    from.hostView().put(pixels);
    DeviceMemory y = memory(4L * pixels.length);
    launch(
        "input_float",
        new Arguments()
            .add(at(from))
            .add(at(floats(meanStd)))
            .add(channels)
            .add(pixels.length)
            .add(at(y)));
    for (int i = 0; i < pixels.length; i++) {
      int c = i % channels;
      assertThat(floats(y)[i])
          .isEqualTo(((pixels[i] & 255) / 255f - meanStd[c]) / meanStd[channels + c]);
    }
  }
}
