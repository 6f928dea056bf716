package org.jresnet.engine;

import org.jresnet.backend.cpu.CpuOptions;
import org.jresnet.backend.gpu.CudnnOptions;

/**
 * How hardware is used, whichever backend is opened.
 *
 * @param cpu for the CPU
 * @param gpu for a GPU
 */
public record BackendSettings(CpuOptions cpu, CudnnOptions gpu) {
  /** The defaults of both. */
  public static BackendSettings defaults() {
    return new BackendSettings(CpuOptions.defaults(), CudnnOptions.defaults());
  }
}
