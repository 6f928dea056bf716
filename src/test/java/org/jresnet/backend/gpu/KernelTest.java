package org.jresnet.backend.gpu;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jresnet.base.BFloat16;
import org.jresnet.base.Float16;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;

/** A test of our CUDA kernels, compiled as C++, on memory of the host. */
abstract class KernelTest {
  private final Random random = new Random(7);
  private final List<DeviceMemory> memories = new ArrayList<>();

  @BeforeAll
  static void compile() throws IOException, InterruptedException {
    HostKernels.assumeCompiled();
  }

  @AfterEach
  void free() {
    memories.forEach(DeviceMemory::close);
  }

  /** Memory for the length of a test. */
  final DeviceMemory memory(long bytes) {
    DeviceMemory memory = DeviceMemory.onHost(bytes);
    memories.add(memory);
    return memory;
  }

  /** Memory that holds these values. */
  final DeviceMemory floats(float... values) {
    DeviceMemory memory = memory(4L * values.length);
    memory.hostView().asFloatBuffer().put(values);
    return memory;
  }

  static float[] floats(DeviceMemory memory) {
    float[] values = new float[(int) memory.bytes() / 4];
    memory.hostView().asFloatBuffer().get(values);
    return values;
  }

  static float element(DType type, ByteBuffer from, int i) {
    return switch (type) {
      case F32 -> from.getFloat(4 * i);
      case BF16 -> BFloat16.toFloat(from.getShort(2 * i));
      default -> Float16.toFloat(from.getShort(2 * i));
    };
  }

  /** Normally distributed values. */
  final float[] normal(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  static long at(DeviceMemory memory) {
    return memory.address(0, memory.bytes());
  }

  /** Runs a kernel in three blocks. */
  static void launch(String kernel, Arguments arguments) {
    HostKernels.launch(kernel, 3, arguments.bits());
  }
}
