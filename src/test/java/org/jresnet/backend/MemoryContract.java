package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import org.jresnet.base.UserError;
import org.jresnet.check.OpRun;
import org.jresnet.graph.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Memory for tensors. */
interface MemoryContract extends BackendUnderTest {
  @ParameterizedTest
  @MethodSource("precisions")
  default void memoryKeepsWhatIsWritten(Precision precision) {
    for (DType type : List.of(precision.activation(), precision.parameter())) {
      // More than one of the chunks in which tensors cross to the host.
      int count = 70_001;
      float[] values = new float[count];
      Random random = new Random(1);
      for (int i = 0; i < count; i++) {
        values[i] = (float) OpRun.round(random.nextGaussian(), type);
      }
      long bytes = (long) count * type.bytes();
      Buffer memory = backend().allocate("a test", bytes + 64);
      Tensor tensor = new Tensor(memory, 64, type, count);
      tensor.set(values);
      assertThat(tensor.toFloats()).isEqualTo(values);
      assertThat(tensor.slice(9, 2).toFloats()).containsExactly(values[9], values[10]);
      ByteBuffer read = ByteBuffer.allocate((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
      memory.read(64, read);
      assertThat(read.hasRemaining()).isFalse();
      assertThat(tensor.snapshot()).isEqualTo(read.flip());
      memory.close();
      memory.close();
      assertThatThrownBy(() -> memory.write(0, ByteBuffer.allocate(8)))
          .isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  default void tooMuchMemoryIsAUserErrorThatSaysForWhat() {
    assertThatThrownBy(() -> backend().allocate("activations of a test", 1L << 50))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("activations of a test")
        .hasMessageContaining("1073741824 MB");
  }
}
