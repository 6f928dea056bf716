package org.jresnet.nativebindings.cuda;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.cuda.cudart.cudaDeviceProp;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.SizeTPointer;

/** The GPUs of this machine. */
public final class CudaDevice {
  /** The GPU that the calling thread was put on last; no GPU at first. */
  private static final ThreadLocal<int[]> CURRENT = ThreadLocal.withInitial(() -> new int[] {-1});

  private CudaDevice() {}

  /**
   * Number of GPUs.
   *
   * @throws CudaException of kind NO_DEVICE, saying whether the driver or the device is missing
   */
  public static int count() {
    int[] count = new int[1];
    Check.runtime(cudart.cudaGetDeviceCount(count), "looking for GPUs");
    return count[0];
  }

  /**
   * Makes the calling thread work on a GPU. Streams and handles see to it that whoever uses them
   * does: CUDA keeps the GPU per thread, and launches of a thread that has none, or another one,
   * fail.
   */
  public static void use(int index) {
    int[] current = CURRENT.get();
    if (current[0] != index) {
      Check.runtime(cudart.cudaSetDevice(index), "opening GPU " + index);
      current[0] = index;
    }
  }

  /** The GPU that the calling thread works on: the first one where nothing else was said. */
  static int current() {
    if (CURRENT.get()[0] < 0) {
      use(0);
    }
    return CURRENT.get()[0];
  }

  /** CUDA version that the driver supports, as 13000 for 13.0; 0 without a driver. */
  public static int driverVersion() {
    int[] version = new int[1];
    Check.runtime(cudart.cudaDriverGetVersion(version), "asking the driver's version");
    return version[0];
  }

  /** Version of the loaded runtime, as 13000 for 13.0. */
  public static int runtimeVersion() {
    int[] version = new int[1];
    Check.runtime(cudart.cudaRuntimeGetVersion(version), "asking the runtime's version");
    return version[0];
  }

  /** Free bytes on the current GPU. */
  public static long freeBytes() {
    try (SizeTPointer free = new SizeTPointer(1);
        SizeTPointer total = new SizeTPointer(1)) {
      Check.runtime(cudart.cudaMemGetInfo(free, total), "asking for free memory");
      return free.get();
    }
  }

  /** Bytes of a GPU's second-level cache, which all its multiprocessors share. */
  public static long cacheBytes(int index) {
    return attribute(cudart.cudaDevAttrL2CacheSize, index);
  }

  /**
   * What a GPU is.
   *
   * @param name as the driver calls it
   * @param architecture compute capability times ten: 90 for 9.0
   * @param memoryBytes of device memory
   * @param properties the same in the form that cuDNN plans with, by its JSON names
   */
  public record Info(
      String name, int architecture, long memoryBytes, Map<String, Object> properties) {}

  /** Reads what a GPU is. */
  public static Info info(int index) {
    try (cudaDeviceProp p = new cudaDeviceProp()) {
      Check.runtime(
          cudart.cudaGetDeviceProperties(p, index), "reading the properties of GPU " + index);
      int architecture = 10 * p.major() + p.minor();
      String name = p.name().getString();
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("cudaDeviceId", index);
      json.put("deviceVer", 10 * architecture);
      json.put("driverVer", driverVersion());
      json.put("smVersion", 10 * architecture);
      json.put("totalGlobalMem", p.totalGlobalMem());
      json.put("maxGridSize", three(p.maxGridSize()));
      json.put("maxBlockSize", three(p.maxThreadsDim()));
      json.put("regsPerBlock", p.regsPerBlock());
      json.put("multiProcessorCount", p.multiProcessorCount());
      json.put("smCountOrigin", 0);
      json.put("warpSize", p.warpSize());
      json.put("maxSharedMemoryPerBlock", p.sharedMemPerBlock());
      json.put("maxSharedMemoryPerBlockOptin", p.sharedMemPerBlockOptin());
      json.put("reservedSharedMemoryPerBlock", p.reservedSharedMemPerBlock());
      json.put("maxRegistersPerSM", p.regsPerMultiprocessor());
      json.put("maxCtasPerSM", p.maxBlocksPerMultiProcessor());
      json.put("maxThreadsPerBlock", p.maxThreadsPerBlock());
      json.put("maxThreadsPerSM", p.maxThreadsPerMultiProcessor());
      json.put("pciDeviceId", p.pciDeviceID());
      json.put("isTccDriver", p.tccDriver());
      json.put("supportCoopLaunch", p.cooperativeLaunch());
      json.put("smClockRateKHz", attribute(cudart.cudaDevAttrClockRate, index));
      json.put("memClockRateKHz", attribute(cudart.cudaDevAttrMemoryClockRate, index));
      json.put("l2CacheSize", p.l2CacheSize());
      json.put("deviceName", name);
      return new Info(name, architecture, p.totalGlobalMem(), json);
    }
  }

  /** Where a GPU sits in its machine, such as {@code 0000:3b:00.0}: no two have the same. */
  public static String busId(int index) {
    byte[] text = new byte[32];
    Check.runtime(
        cudart.cudaDeviceGetPCIBusId(text, text.length, index),
        "asking for the place of GPU " + index);
    int end = 0;
    while (end < text.length && text[end] != 0) {
      end++;
    }
    return new String(text, 0, end, StandardCharsets.US_ASCII);
  }

  private static List<Integer> three(IntPointer values) {
    return List.of(values.get(0), values.get(1), values.get(2));
  }

  private static int attribute(int attribute, int index) {
    int[] value = new int[1];
    Check.runtime(
        cudart.cudaDeviceGetAttribute(value, attribute, index),
        "reading attribute " + attribute + " of GPU " + index);
    return value[0];
  }
}
