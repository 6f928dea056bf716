/**
 * Owners of CUDA, cuDNN, cuBLASLt and NVRTC objects. No class here except {@link
 * org.jresnet.nativebindings.cuda.CudaLibraries} may be touched before {@code CudaLibraries.load}
 * has succeeded: their static parts link against NVIDIA's libraries.
 *
 * <p>Objects are used from one thread and closed by whoever made them.
 */
package org.jresnet.nativebindings.cuda;
