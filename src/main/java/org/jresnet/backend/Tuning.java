package org.jresnet.backend;

import java.util.List;
import org.jresnet.base.Named;

/** How a backend chooses among the implementations of an op. */
public enum Tuning implements Named {
  /** Without timing: the library's first, on a GPU one that is ready at once. */
  OFF,
  /** The best guess of cuDNN's model of the device; for the GPU. */
  HEURISTIC,
  /** The fastest on the real shapes: timed once, remembered per machine. */
  RACE("measure");

  private final List<String> aliases;

  Tuning(String... aliases) {
    this.aliases = List.of(aliases);
  }

  @Override
  public List<String> aliases() {
    return aliases;
  }
}
