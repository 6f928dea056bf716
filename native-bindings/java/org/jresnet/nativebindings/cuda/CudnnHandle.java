package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;

/** cuDNN on the current device, its work going to one stream. */
public final class CudnnHandle implements Target {
  private final int device = CudaDevice.current();
  private cudnnContext handle = new cudnnContext();

  /** Opens cuDNN on the current device. */
  public CudnnHandle(CudaStream stream) {
    Check.dnn(cudnn.cudnnCreate(handle), "opening cuDNN");
    Check.dnn(cudnn.cudnnSetStream(handle, stream.handle()), "giving cuDNN its stream");
  }

  /** Version of the loaded library, such as {@code 9.19.0}. */
  public static String version() {
    long v = cudnn.cudnnGetVersion();
    return v / 10000 + "." + v / 100 % 100 + "." + v % 100;
  }

  /**
   * Makes sure that cuDNN's parts are of one version.
   *
   * @throws CudaException of kind LIBRARY naming the part
   */
  public static void checkVersions() {
    Check.dnn(cudnn.cudnnGraphVersionCheck(), "the version of libcudnn_graph");
    Check.dnn(cudnn.cudnnOpsVersionCheck(), "the version of libcudnn_ops");
    Check.dnn(cudnn.cudnnCnnVersionCheck(), "the version of libcudnn_cnn");
  }

  /** For a call of the thread that asks, as {@link CudaStream#handle}. */
  cudnnContext handle() {
    if (handle == null) {
      throw new IllegalStateException("cuDNN is used after close");
    }
    CudaDevice.use(device);
    return handle;
  }

  @Override
  public void close() {
    if (handle != null) {
      cudnn.cudnnDestroy(handle);
      handle = null;
    }
  }
}
