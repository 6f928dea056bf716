package org.jresnet.nativebindings.onednn;

import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.stream;

/**
 * The CPU engine of oneDNN and its in-order stream. Loading this class loads the native library.
 */
public final class OneDnn implements AutoCloseable {
  private engine cpu;
  private stream queue;

  /** Opens the engine. */
  public OneDnn() {
    cpu = new engine(engine.kind.cpu, 0);
    queue = new stream(cpu);
  }

  /** Version of the loaded library, such as {@code 3.11.0}. */
  public static String version() {
    var v = dnnl.version();
    return v.major() + "." + v.minor() + "." + v.patch();
  }

  /** The instruction set that oneDNN uses here, such as {@code avx512_core_bf16}. */
  public static String instructionSet() {
    return dnnl.get_effective_cpu_isa().intern().name();
  }

  /** Whether oneDNN has native bfloat16 dot products or matrix instructions here. */
  public static boolean hasNativeBf16() {
    return switch (dnnl.get_effective_cpu_isa().intern()) {
      case isa_default, sse41, avx, avx2, avx2_vnni, avx2_vnni_2, avx512_core, avx512_core_vnni ->
          false;
      default -> true;
    };
  }

  /**
   * Whether oneDNN sums products of bytes exactly here. Without VNNI or AMX it adds pairs of them
   * in 16 bits, which overflow (<a
   * href="https://uxlfoundation.github.io/oneDNN/dev_guide_int8_computations.html">oneDNN, int8
   * computation aspects</a>).
   */
  public static boolean hasExactInt8() {
    return switch (dnnl.get_effective_cpu_isa().intern()) {
      case isa_default, sse41, avx, avx2, avx512_core -> false;
      default -> true;
    };
  }

  engine engine() {
    return live(cpu);
  }

  stream stream() {
    return live(queue);
  }

  private static <T> T live(T handle) {
    if (handle == null) {
      throw new IllegalStateException("the oneDNN engine is used after close");
    }
    return handle;
  }

  @Override
  public void close() {
    if (cpu != null) {
      queue.close();
      cpu.close();
      queue = null;
      cpu = null;
    }
  }
}
