package org.jresnet.engine;

import java.util.List;
import java.util.Map;
import org.jresnet.backend.Backend;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.base.UserError;

/**
 * Opens backends by name; a backend's classes and libraries are loaded only when it is asked for.
 */
public final class Backends {
  /** The names that {@link #open} knows; {@code onednn} and {@code cudnn} mean cpu and gpu. */
  public static final List<String> NAMES = List.of("cpu", "gpu", "reference");

  private static final Map<String, String> ALIASES = Map.of("onednn", "cpu", "cudnn", "gpu");

  private Backends() {}

  /** The name in {@link #NAMES} for a name that users or older run folders write. */
  public static String canonical(String name) {
    return ALIASES.getOrDefault(name, name);
  }

  /**
   * Opens the backend of that name.
   *
   * @throws UserError listing the known names, or saying what keeps the backend from running here
   */
  public static Backend open(String name) {
    return open(name, CudnnOptions.defaults());
  }

  /**
   * The same, with options for the GPU.
   *
   * @throws UserError as {@link #open(String)}
   */
  public static Backend open(String name, CudnnOptions gpu) {
    return switch (canonical(name)) {
      case "cpu" -> new CpuBackend();
      case "gpu" -> GpuBackend.open(gpu);
      case "reference" -> new ReferenceBackend();
      default ->
          throw new UserError(
              "unknown backend '" + name + "'; known backends: " + String.join(", ", NAMES));
    };
  }
}
