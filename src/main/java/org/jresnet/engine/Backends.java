package org.jresnet.engine;

import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.cudnn.CudnnBackend;
import org.jresnet.backend.cudnn.CudnnOptions;
import org.jresnet.backend.onednn.OneDnnBackend;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.base.UserError;

/**
 * Opens backends by name; a backend's classes and libraries are loaded only when it is asked for.
 */
public final class Backends {
  /** The names that {@link #open} knows. */
  public static final List<String> NAMES = List.of("onednn", "cudnn", "reference");

  private Backends() {}

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
    return switch (name) {
      case "onednn" -> new OneDnnBackend();
      case "cudnn" -> CudnnBackend.open(gpu);
      case "reference" -> new ReferenceBackend();
      default ->
          throw new UserError(
              "unknown backend '" + name + "'; known backends: " + String.join(", ", NAMES));
    };
  }
}
