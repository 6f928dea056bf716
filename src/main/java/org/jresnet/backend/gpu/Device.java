package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import org.jresnet.nativebindings.cuda.BlasLt;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.MatrixProduct;

/** What bound ops run on: a GPU, or in tests the host, which runs our kernels as C++. */
interface Device extends Lane {
  /** Copies within the device. */
  void copy(Place from, Place to, long bytes);

  /** Memory with that content; its owner closes it. */
  DeviceMemory constant(ByteBuffer content);

  /** What launches depend on. */
  DeviceLimits limits();

  /** A second stream. */
  Lane beside();

  /** What is sent to the second stream from here on waits for what was sent to the first. */
  void fork();

  /** What is sent to the first stream from here on waits for what was sent to the second. */
  void join();

  /** Sends a matrix product to the device. */
  void run(MatrixProduct.Bound product);

  /** cuBLASLt on this device. */
  BlasLt blas();
}
