package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;

/** Machine code on the current GPU, and its kernels. */
public final class KernelModule implements AutoCloseable {
  private CUmod_st handle = new CUmod_st();

  /** Loads the code that {@link KernelProgram} made for this GPU's architecture. */
  public KernelModule(byte[] cubin) {
    try (BytePointer image = new BytePointer(cubin)) {
      Check.driver(cudart.cuModuleLoadData(handle, image), "loading kernels");
    }
  }

  /** The kernel of that name, declared {@code extern "C"}. */
  public Kernel kernel(String name) {
    CUfunc_st function = new CUfunc_st();
    Check.driver(cudart.cuModuleGetFunction(function, handle, name), "looking up kernel " + name);
    return new Kernel(name, function);
  }

  @Override
  public void close() {
    if (handle != null) {
      cudart.cuModuleUnload(handle);
      handle = null;
    }
  }
}
