package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.util.HexFormat;
import java.util.List;
import org.jresnet.graph.DType;
import org.junit.jupiter.api.Test;

class HostTensorTest {
  private static HostTensor of(DType type, int count, String hex) {
    return new HostTensor(
        type, List.of((long) count), ByteBuffer.wrap(HexFormat.of().parseHex(hex)));
  }

  /** Every pattern of 16 bits against the formulas of IEEE 754 and of bfloat16. */
  @Test
  void widensEveryHalfAndEveryBfloat() {
    ByteBuffer all = ByteBuffer.allocate(1 << 17).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 1 << 16; i++) {
      all.putShort(i * 2, (short) i);
    }
    float[] half = new HostTensor(DType.F16, List.of(65536L), all).toFloats();
    float[] bfloat = new HostTensor(DType.BF16, List.of(65536L), all).toFloats();
    for (int i = 0; i < 1 << 16; i++) {
      assertThat((Float) half[i]).as("half 0x%04x", i).isEqualTo((Float) (float) ieee(i, 5, 10));
      assertThat((Float) bfloat[i]).as("bfloat 0x%04x", i).isEqualTo((Float) (float) ieee(i, 8, 7));
    }
    assertThat(Float.floatToRawIntBits(half[0x8000])).isEqualTo(0x80000000);
  }

  private static double ieee(int bits, int exponentBits, int mantissaBits) {
    int bias = (1 << exponentBits - 1) - 1;
    int exponent = bits >> mantissaBits & (1 << exponentBits) - 1;
    double mantissa = (bits & (1 << mantissaBits) - 1) / (double) (1 << mantissaBits);
    double sign = bits >> 15 == 0 ? 1 : -1;
    if (exponent == (1 << exponentBits) - 1) {
      return mantissa == 0 ? sign / 0.0 : Double.NaN;
    }
    return sign
        * (exponent == 0 ? mantissa : 1 + mantissa)
        * Math.pow(2, Math.max(1, exponent) - bias);
  }

  @Test
  void readsEveryType() {
    assertThat(of(DType.F64, 1, "182d4454fb210940").toFloats()).containsExactly((float) Math.PI);
    assertThat(of(DType.F32, 2, "0000803f000000c0").toFloats()).containsExactly(1f, -2f);
    assertThat(of(DType.I64, 1, "feffffffffffffff").toFloats()).containsExactly(-2f);
    assertThat(of(DType.I32, 1, "ffffff7f").toLong()).isEqualTo(Integer.MAX_VALUE);
    assertThat(of(DType.I8, 2, "80ff").toFloats()).containsExactly(-128f, -1f);
    assertThat(of(DType.U8, 2, "80ff").toFloats()).containsExactly(128f, 255f);
    assertThat(of(DType.F32, 1, "0000803f").toLong()).isEqualTo(1);
  }

  @Test
  void keepsLongsThatNoFloatHolds() {
    long value = (1L << 53) + 1;
    assertThat(HostTensor.ofLongs(List.of(), value).toLong()).isEqualTo(value);
    assertThatThrownBy(() -> of(DType.F32, 1, "0000003f").toLong())
        .hasMessageContaining("whole number, found 0.5");
    assertThatThrownBy(() -> of(DType.U8, 2, "0000").toLong()).hasMessageContaining("one value");
  }

  @Test
  void refusesDataOfAnotherSize() {
    ByteBuffer eight = ByteBuffer.allocate(8);
    assertThatThrownBy(() -> new HostTensor(DType.F32, List.of(3L), eight))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("needs 12 bytes, found 8");
    assertThatThrownBy(() -> new HostTensor(DType.F32, List.of(-1L, -2L), eight))
        .isInstanceOf(ArithmeticException.class);
    assertThatThrownBy(() -> new HostTensor(DType.F32, List.of(1L << 62, 4L, 0L), eight))
        .isInstanceOf(ArithmeticException.class);
  }

  @Test
  void isImmutable() {
    HostTensor tensor = HostTensor.ofFloats(List.of(2L), new float[] {1, 2});
    tensor.data().position(4);
    assertThat(tensor.data().remaining()).isEqualTo(8);
    assertThat(tensor.data().order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
    assertThatThrownBy(() -> tensor.data().putFloat(0, 3))
        .isInstanceOf(ReadOnlyBufferException.class);
    assertThat(tensor.elements()).isEqualTo(2);
  }
}
