package org.jresnet.backend.cpu;

import org.jresnet.backend.cpu.vector.Scratch;
import org.jresnet.nativebindings.onednn.OneDnn;

/**
 * What kernels of our own run on: workers and the arrays that they overwrite in turn. Its classes
 * need the Vector API, so nothing else may touch them before {@link VectorApi} has said yes.
 */
record OwnKernels(OneDnn dnn, Workers workers, Scratch scratch) {
  OwnKernels(OneDnn dnn, Workers workers) {
    this(dnn, workers, new Scratch(workers.count()));
  }
}
