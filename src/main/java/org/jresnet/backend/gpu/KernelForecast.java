package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.KernelProgram.Resources;

/**
 * What a memory-bound kernel of our own can reach, predicted from what the compiler says of it.
 * Nothing here is measured. By Little's law, bytes that are read at a rate over a latency must be
 * under way all the time: {@code reads in flight = rate of reads · latency}. How many are is what
 * the resident threads of an SM have asked for; writes do not wait.
 *
 * @param kernel its name
 * @param resources of a thread and a block
 * @param bytesPerElement that pass memory, read and written
 * @param threads resident on an SM: what registers, shared memory, and the SM's own limits allow,
 *     of those that are launched
 * @param bytesInFlight reads under way on an SM
 * @param share of the bandwidth that they can keep up, 1 if it is all of it
 */
public record KernelForecast(
    String kernel,
    Resources resources,
    double bytesPerElement,
    int threads,
    int bytesInFlight,
    double share) {
  /** Time from a read's request to its answer under load: an assumption, on the safe side. */
  public static final double LATENCY_SECONDS = 1e-6;

  private static final int BLOCK = 256;
  private static final int WARP = 32;

  /** Registers are given to warps in lots of so many. */
  private static final int REGISTER_LOT = 256;

  /** Shared memory that the system takes of each block. */
  private static final int SYSTEM_SHARED = 1024;

  /**
   * What a kernel reads and writes.
   *
   * @param reads elements of the activation type that are read per element
   * @param readBytes other bytes read per element
   * @param writes elements of the activation type written per element
   * @param writtenBytes other bytes written per element
   * @param vectors of 8 elements that a thread of an elementwise kernel reads at a time; 0 for
   *     others, where {@code flight} says it
   * @param flight bytes that a thread reads at a time
   */
  private record Access(
      String kernel,
      double reads,
      double readBytes,
      double writes,
      double writtenBytes,
      int vectors,
      int flight) {}

  /** A bit per element. */
  private static final double MASK = 1.0 / 8;

  private static final List<Access> TYPED =
      List.of(
          new Access("input", 0, 1, 1, 0, 0, 16),
          // Of 16 channels that are written, 12 are read from the image.
          new Access("block", 0.75, 0, 1, 0, 0, 16),
          new Access("pack", 0, 4, 1, 0, 0, 32),
          new Access("unpack", 1, 0, 0, 4, 0, 16),
          new Access("add", 2, 0, 1, 0, 2, 0),
          new Access("activation", 1, 0, 1, 0, 1, 0),
          new Access("activationBackward", 2, 0, 1, 0, 2, 0),
          new Access("normPartials", 1, 0, 0, 0, 0, 64),
          new Access("normApply", 1, 0, 1, MASK, 0, 64),
          new Access("normAddApply", 2, 0, 1, MASK, 0, 64),
          new Access("normSums", 2, MASK, 0, 0, 0, 64),
          new Access("normBackward", 2, MASK, 1, 0, 0, 128));

  private static final List<Access> BYTES =
      List.of(
          new Access("inputBytes", 0, 1, 0, 1, 0, 16),
          new Access("multiplyBytes", 0, 1, 0, 1, 0, 16),
          new Access("maxPoolBytes", 0, 4, 0, 1, 0, 16),
          new Access("meanBytes", 0, 1, 0, 0, 0, 4));

  private static final List<Access> UNTYPED =
      List.of(
          new Access("squares", 0, 4, 0, 0, 0, 32),
          new Access("sgd", 0, 12, 0, 8, 0, 48),
          new Access("adam", 0, 16, 0, 12, 0, 64));

  /**
   * Forecasts for all vectorised kernels.
   *
   * @param resources by kernel, of the device's architecture
   * @param type of activations
   * @param bytesPerSecond that memory moves at best
   */
  static List<KernelForecast> of(
      Map<String, Resources> resources, DeviceLimits limits, DType type, double bytesPerSecond) {
    List<KernelForecast> forecasts = new ArrayList<>();
    if (type == DType.U8) {
      for (Access t : BYTES) {
        forecasts.add(of(t.kernel, resources, limits, t, 1, bytesPerSecond));
      }
      return forecasts;
    }
    for (Access t : TYPED) {
      String name = t.kernel + "_" + Gpu.suffix(type);
      forecasts.add(of(name, resources, limits, t, type.bytes(), bytesPerSecond));
    }
    for (Access t : UNTYPED) {
      forecasts.add(of(t.kernel, resources, limits, t, 4, bytesPerSecond));
    }
    return forecasts;
  }

  private static KernelForecast of(
      String name,
      Map<String, Resources> resources,
      DeviceLimits limits,
      Access t,
      int typeBytes,
      double bytesPerSecond) {
    Resources r = resources.get(name);
    if (r == null) {
      throw new IllegalArgumentException("the compiler said nothing of " + name);
    }
    double read = t.reads * typeBytes + t.readBytes;
    double all = read + t.writes * typeBytes + t.writtenBytes;
    int sent = t.vectors > 0 ? Gpu.VECTOR_BLOCKS : Gpu.BLOCKS_PER_SM;
    int threads = BLOCK * Math.min(sent, blocks(r, limits));
    int flight = threads * (t.vectors > 0 ? t.vectors * 8 * typeBytes : t.flight);
    double needed = bytesPerSecond / limits.multiprocessors() * LATENCY_SECONDS * read / all;
    return new KernelForecast(name, r, all, threads, flight, Math.min(1, flight / needed));
  }

  /** Blocks of 256 threads that an SM holds. */
  private static int blocks(Resources r, DeviceLimits limits) {
    int warps = BLOCK / WARP;
    int lot = (r.registers() * WARP + REGISTER_LOT - 1) / REGISTER_LOT * REGISTER_LOT;
    int blocks = Math.min(limits.blocks(), limits.threads() / BLOCK);
    blocks = Math.min(blocks, limits.registers() / (lot * warps));
    return Math.min(blocks, limits.sharedBytes() / (r.sharedBytes() + SYSTEM_SHARED));
  }
}
