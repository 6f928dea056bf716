package org.jresnet.backend.gpu;

import org.jresnet.nativebindings.cuda.CudnnHandle;
import org.jresnet.nativebindings.cuda.Kernel;

/** A stream of a device: what is sent to it runs in its order. */
interface Lane {
  /** A kernel with its arguments, ready to run. */
  interface Launch extends AutoCloseable {
    /** Sends it to the device. */
    void run();

    @Override
    void close();
  }

  /** Ties a kernel to its arguments. */
  Launch launch(String kernel, Kernel.Grid grid, Kernel.Arguments arguments);

  /** cuDNN on this stream. */
  CudnnHandle dnn();
}
