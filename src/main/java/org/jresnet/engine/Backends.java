package org.jresnet.engine;

import org.jresnet.backend.Backend;
import org.jresnet.backend.Support;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.base.UserError;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens backends; a backend's classes and libraries are loaded only when it is asked for. */
public final class Backends {
  private static final Logger LOG = LoggerFactory.getLogger(Backends.class);

  private Backends() {}

  /**
   * Opens the backend of that name.
   *
   * @throws UserError listing the known names, or saying what keeps the backend from running here
   */
  public static Backend open(String name) {
    return open(BackendKind.of(name), CudnnOptions.defaults());
  }

  /**
   * Opens a backend.
   *
   * @param gpu how a GPU is used, if one is
   * @throws UserError saying what keeps the backend from running here
   */
  public static Backend open(BackendKind kind, CudnnOptions gpu) {
    return switch (kind) {
      case AUTO -> open(automatic(gpu), gpu);
      case CPU -> new CpuBackend();
      case GPU -> GpuBackend.open(gpu);
      case REFERENCE -> new ReferenceBackend();
    };
  }

  private static BackendKind automatic(CudnnOptions gpu) {
    if (GpuBackend.usable(gpu) instanceof Support.No no) {
      LOG.info("No GPU is used: {}", no.reason());
      return BackendKind.CPU;
    }
    return BackendKind.GPU;
  }
}
