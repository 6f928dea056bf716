package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Shape;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Our kernels on bytes, compiled as C++, against their definition; convolutions have a test. */
class BytesKernelsTest extends KernelTest {
  private final Random random = new Random(3);

  private byte[] bytes(int count) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return bytes;
  }

  private DeviceMemory memory(byte[] content) {
    DeviceMemory memory = memory(content.length);
    memory.hostView().put(content);
    return memory;
  }

  private static byte[] content(DeviceMemory memory) {
    byte[] content = new byte[(int) memory.bytes()];
    memory.hostView().get(0, content);
    return content;
  }

  /** Whole vectors, vectors with a rest, and more channels than the table in shared memory has. */
  @ParameterizedTest
  @CsvSource({"3, 96", "3, 111", "1, 40", "4, 64", "5, 80"})
  void pixelsGoThroughTheTableOfTheirChannel(int channels, int count) {
    byte[] pixels = bytes(count);
    byte[] table = bytes(256 * channels);
    DeviceMemory from = memory(pixels);
    DeviceMemory values = memory(table);
    DeviceMemory to = memory(new byte[count]);
    launch(
        "inputBytes",
        new Arguments().add(at(from)).add(at(values)).add(channels).add((long) count).add(at(to)));
    byte[] found = content(to);
    for (int i = 0; i < count; i++) {
      assertThat(found[i])
          .as("pixel %d", i)
          .isEqualTo(table[256 * (i % channels) + (pixels[i] & 255)]);
    }
  }

  @ParameterizedTest
  @CsvSource({"3, 4", "5, 8", "4, 4", "1, 16"})
  void channelsAreFilledUpWithZeros(int channels, int to) {
    int pixels = 13;
    byte[] x = bytes(pixels * channels);
    DeviceMemory from = memory(x);
    DeviceMemory wide = memory(bytes(pixels * to));
    launch(
        "widenPixels",
        new Arguments()
            .add(at(from))
            .add(at(wide))
            .add(channels)
            .add(to)
            .add((long) pixels * to / 4));
    byte[] found = content(wide);
    for (int i = 0; i < found.length; i++) {
      int c = i % to;
      assertThat(found[i])
          .as("byte %d", i)
          .isEqualTo(c < channels ? x[i / to * channels + c] : (byte) 0);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 48, 6})
  void theLargestByteOfEachWindowIsFound(int c) {
    Shape in = new Shape(2, 7, 9, c);
    Axis window = new Axis(3, 2, 1);
    Shape out = new Shape(2, window.positions(7), window.positions(9), c);
    byte[] x = bytes((int) in.elements());
    DeviceMemory from = memory(x);
    DeviceMemory to = memory(new byte[(int) out.elements()]);
    launch(
        "maxPoolBytes",
        new Arguments()
            .add(at(from))
            .add(at(to))
            .add(in.h())
            .add(in.w())
            .add(c)
            .add(out.h())
            .add(out.w())
            .add(3)
            .add(2)
            .add(1)
            .add(out.elements()));
    byte[] found = content(to);
    for (int i = 0; i < found.length; i++) {
      int largest = -128;
      for (int r = 0; r < 3; r++) {
        for (int s = 0; s < 3; s++) {
          int h = window.at(i / c / out.w() % out.h(), r);
          int w = window.at(i / c % out.w(), s);
          if (h >= 0 && h < in.h() && w >= 0 && w < in.w()) {
            int n = i / c / out.w() / out.h();
            largest = Math.max(largest, x[((n * in.h() + h) * in.w() + w) * c + i % c]);
          }
        }
      }
      assertThat(found[i]).as("element %d", i).isEqualTo((byte) largest);
    }
  }

  @ParameterizedTest
  @CsvSource({"8, 128", "8, 0", "5, 128"})
  void theMeanIsOfWhatTheBytesStandFor(int c, int zero) {
    int n = 3;
    int pixels = 49;
    byte[] x = bytes(n * pixels * c);
    DeviceMemory from = memory(x);
    DeviceMemory to = memory(new byte[4 * n * c]);
    launch(
        "meanBytes",
        new Arguments().add(at(from)).add(at(to)).add(n).add(pixels).add(c).add(zero).add(0.25f));
    for (int i = 0; i < n * c; i++) {
      int sum = 0;
      for (int p = 0; p < pixels; p++) {
        sum += x[(i / c * pixels + p) * c + i % c] + zero;
      }
      assertThat(to.hostView().getFloat(4 * i))
          .as("element %d", i)
          .isEqualTo((float) sum / pixels * 0.25f);
    }
  }

  /** A factor per image and channel, or per element; whole vectors, a rest, images between two. */
  @ParameterizedTest
  @CsvSource({
    "12, 16, true",
    "3, 5, true",
    "1, 40, true",
    "1, 5, true",
    "6, 20, false",
    "1, 5, false"
  })
  void bytesAreMultipliedByTheFactorOfTheirChannel(int pixels, int c, boolean perImage) {
    int n = 3;
    int zero = 128;
    byte[] x = bytes(n * pixels * c);
    int count = perImage ? n * c : x.length;
    DeviceMemory from = memory(x);
    DeviceMemory factors = memory(new byte[4 * count]);
    DeviceMemory to = memory(new byte[x.length]);
    for (int i = 0; i < count; i++) {
      factors.hostView().putFloat(4 * i, random.nextFloat());
    }
    launch(
        "multiplyBytes",
        new Arguments()
            .add(at(from))
            .add(at(factors))
            .add(at(to))
            .add((long) (perImage ? pixels * c : c))
            .add(c)
            .add(zero)
            .add(0.7f)
            .add(zero)
            .add((long) x.length));
    byte[] found = content(to);
    for (int i = 0; i < x.length; i++) {
      int at = perImage ? i / (pixels * c) * c + i % c : i;
      float product = (x[i] + zero) * factors.hostView().getFloat(4 * at) * 0.7f;
      double rounded = Math.rint(product - zero);
      assertThat(found[i])
          .as("element %d", i)
          .isEqualTo((byte) Math.max(-128, Math.min(127, rounded)));
    }
  }
}
