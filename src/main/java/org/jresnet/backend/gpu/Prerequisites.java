package org.jresnet.backend.gpu;

import org.jresnet.base.UserError;
import org.jresnet.nativebindings.cuda.CudaDevice;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.CudaLibraries;
import org.jresnet.nativebindings.cuda.CudnnHandle;

/** What must be there before a GPU can be used, and what to do where it is not. */
final class Prerequisites {
  /** The CUDA version that the libraries are made for; drivers from 580 on have it. */
  private static final int DRIVER = 13000;

  private Prerequisites() {}

  /** Loads NVIDIA's libraries. */
  static void load(CudnnOptions options) {
    CudaLibraries libraries = CudaLibraries.find(options.libraries(), System.getenv());
    libraries
        .problem()
        .ifPresent(
            text -> {
              throw new UserError(
                  "the gpu backend cannot run: " + text + ". ./jresnet doctor shows more");
            });
    try {
      libraries.load();
      CudnnHandle.checkVersions();
    } catch (LinkageError | CudaException e) {
      throw new UserError(
          "the gpu backend cannot run: a library does not load: "
              + e.getMessage()
              + ". ./jresnet doctor shows which ones were found",
          e);
    }
  }

  /** Checks the driver and that there is a GPU of that index. */
  static void requireDevice(int index) {
    try {
      int driver = CudaDevice.driverVersion();
      if (driver < DRIVER) {
        throw new UserError(
            "the NVIDIA driver is too old: it supports CUDA "
                + driver / 1000
                + "."
                + driver % 1000 / 10
                + ", needed is CUDA 13.0 (driver 580 or newer)");
      }
      int count = CudaDevice.count();
      if (index < 0 || index >= count) {
        throw new UserError(
            "there is no GPU "
                + index
                + ": this machine has "
                + count
                + (count == 1 ? " GPU" : " GPUs")
                + ", numbered from 0");
      }
    } catch (CudaException e) {
      throw new UserError(
          "the gpu backend cannot run: "
              + e.getMessage()
              + "; is there an NVIDIA GPU, and does nvidia-smi show it?",
          e);
    }
  }
}
