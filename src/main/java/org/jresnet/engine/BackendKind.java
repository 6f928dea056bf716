package org.jresnet.engine;

import java.util.List;
import org.jresnet.base.Named;
import org.jresnet.base.UserError;

/** What can compute, as you choose it. */
public enum BackendKind implements Named {
  /** The GPU if one is usable, else the CPU. */
  AUTO,
  /** oneDNN and own kernels on the CPU. */
  CPU("onednn"),
  /** cuDNN and own kernels on one NVIDIA GPU. */
  GPU("cudnn"),
  /** Plain Java in double precision: slow, and what the others are checked against. */
  REFERENCE;

  private final List<String> aliases;

  BackendKind(String... aliases) {
    this.aliases = List.of(aliases);
  }

  @Override
  public List<String> aliases() {
    return aliases;
  }

  /**
   * The backend of that name; {@code onednn} and {@code cudnn} mean cpu and gpu.
   *
   * @throws UserError listing the known names
   */
  public static BackendKind of(String name) {
    return Named.of(BackendKind.class, "backend", name);
  }
}
