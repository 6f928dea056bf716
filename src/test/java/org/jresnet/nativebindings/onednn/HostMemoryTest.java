package org.jresnet.nativebindings.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

final class HostMemoryTest {
  /** Pages are only touched where they are written, so a large block costs nothing. */
  @Test
  void viewsReachBeyondTwoGigabytes() {
    long bytes = 5L << 30;
    try (HostMemory memory = new HostMemory(bytes)) {
      for (long offset : new long[] {0, (2L << 30) - 4, 2L << 30, (4L << 30) + 64, bytes - 8}) {
        ByteBuffer view = memory.view(offset, 8);
        assertThat(view.capacity()).as("view at %d", offset).isEqualTo(8);
        view.putLong(0, offset + 1);
      }
      assertThat(memory.view((4L << 30) + 64, 8).getLong(0)).isEqualTo((4L << 30) + 65);
      assertThat(memory.view(2L << 30, 8).getLong(0)).isEqualTo((2L << 30) + 1);
      assertThat(memory.view(0, 8).getLong(0)).isEqualTo(1);
      assertThat(memory.at(64).address() % 64).isZero();
    }
  }

  @Test
  void boundsAndLifeAreChecked() {
    HostMemory memory = new HostMemory(100);
    assertThatThrownBy(() -> memory.view(96, 8)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> memory.view(-1, 8)).isInstanceOf(IndexOutOfBoundsException.class);
    memory.close();
    memory.close();
    assertThatThrownBy(() -> memory.view(0, 8))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("after close");
  }
}
