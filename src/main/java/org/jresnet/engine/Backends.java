package org.jresnet.engine;

import org.jresnet.backend.Backend;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tuning;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.backend.cpu.CpuOptions;
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
    return open(BackendKind.of(name), BackendSettings.defaults());
  }

  /**
   * Opens a backend.
   *
   * @param settings how the hardware is used
   * @throws UserError saying what keeps the backend from running here
   */
  public static Backend open(BackendKind kind, BackendSettings settings) {
    return switch (kind) {
      case AUTO -> open(automatic(settings), settings);
      case CPU -> cpu(settings.cpu());
      case GPU -> GpuBackend.open(settings.gpu());
      case REFERENCE -> new ReferenceBackend();
    };
  }

  private static Backend cpu(CpuOptions options) {
    if (options.tuning() == Tuning.HEURISTIC) {
      throw new UserError("--tune heuristic is for a GPU; the cpu backend knows off and race");
    }
    return new CpuBackend(options);
  }

  private static BackendKind automatic(BackendSettings settings) {
    if (GpuBackend.usable(settings.gpu()) instanceof Support.No no) {
      LOG.info("No GPU is used: {}", no.reason());
      return BackendKind.CPU;
    }
    return BackendKind.GPU;
  }
}
