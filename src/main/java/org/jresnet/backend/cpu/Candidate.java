package org.jresnet.backend.cpu;

import java.util.function.Supplier;
import org.jresnet.backend.OpPlan;

/**
 * One way to compute a {@link Part}.
 *
 * @param name short, stable, remembered on disk and in checkpoints: {@code onednn}
 * @param from multiply-accumulates, or as much work, from which on it competes
 * @param plan makes the plan, or throws UnsupportedOperationException
 */
record Candidate(String name, long from, Supplier<OpPlan> plan) {
  /** The name of the library's own choice, which is always the first candidate. */
  static final String LIBRARY = "onednn";
}
