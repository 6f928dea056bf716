package org.jresnet.backend.gpu;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Map;

/**
 * What the launches of our kernels depend on.
 *
 * @param multiprocessors number of SMs
 * @param threads resident on one SM at most
 * @param blocks resident on one SM at most
 * @param registers of one SM
 * @param sharedBytes of shared memory of one SM
 * @param l2Bytes of L2 cache; 0 where it is not known
 * @param launchBytes what memory moves in the time that one more launch costs
 */
record DeviceLimits(
    int multiprocessors,
    int threads,
    int blocks,
    int registers,
    int sharedBytes,
    long l2Bytes,
    long launchBytes) {
  /** At an H200's 4.3 TB/s. */
  private static final long LAUNCH_BYTES = Math.round(4.3e12 * Traffic.LAUNCH_SECONDS);

  /** Reads the device's properties in the form of cuDNN. */
  static DeviceLimits of(Map<String, Object> properties) {
    return of(new ObjectMapper().<JsonNode>valueToTree(properties));
  }

  /** Reads the device's properties in the form of cuDNN. */
  static DeviceLimits of(JsonNode p) {
    return new DeviceLimits(
        Math.max(1, p.path("multiProcessorCount").asInt()),
        p.path("maxThreadsPerSM").asInt(),
        p.path("maxCtasPerSM").asInt(),
        p.path("maxRegistersPerSM").asInt(),
        p.path("maxSharedMemoryPerBlockOptin").asInt(),
        Math.max(0, p.path("l2CacheSize").asLong()),
        LAUNCH_BYTES);
  }
}
