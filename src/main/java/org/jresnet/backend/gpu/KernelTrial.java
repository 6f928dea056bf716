package org.jresnet.backend.gpu;

import java.util.List;
import java.util.function.Function;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.Kernel;

/**
 * A launch of a kernel of ours, to be timed on tensors of random values.
 *
 * @param key what it computes, in one line with its extents
 * @param kernel its name without the type
 * @param grid how many threads run
 * @param type of all tensors
 * @param tensors bytes of each, those that are read before those that are written
 * @param arguments from the tensors' addresses
 */
record KernelTrial(
    String key,
    String kernel,
    Kernel.Grid grid,
    DType type,
    List<Long> tensors,
    Function<long[], Kernel.Arguments> arguments) {
  /** Copies the list. */
  KernelTrial {
    tensors = List.copyOf(tensors);
  }

  /** Bytes of all tensors. */
  long bytes() {
    return tensors.stream().mapToLong(Long::longValue).sum();
  }
}
