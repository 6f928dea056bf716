package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.cuda.global.nvjpeg;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.cuda.nccl.ncclComm;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.jresnet.nativebindings.cuda.CudaException.Kind;

/** Turns status codes into exceptions. */
final class Check {
  private static final int TEXT = 4096;

  private Check() {}

  static void runtime(int status, String call) {
    if (status == cudart.cudaSuccess) {
      return;
    }
    cudart.cudaGetLastError(); // not to be found again by the next call
    Kind kind =
        switch (status) {
          case cudart.cudaErrorMemoryAllocation -> Kind.OUT_OF_MEMORY;
          case cudart.cudaErrorNoDevice,
              cudart.cudaErrorInsufficientDriver,
              cudart.cudaErrorInvalidDevice,
              cudart.cudaErrorStubLibrary,
              cudart.cudaErrorSystemDriverMismatch ->
              Kind.NO_DEVICE;
          default -> lost(status) ? Kind.LOST : Kind.FAILED;
        };
    throw new CudaException(
        kind,
        call
            + ": "
            + cudart.cudaGetErrorName(status).getString()
            + ", "
            + cudart.cudaGetErrorString(status).getString());
  }

  /**
   * Whether all later calls will fail, too: errors whose description in CUDA's documentation says
   * that the process must be ended. The driver's codes are the same.
   */
  private static boolean lost(int status) {
    return switch (status) {
      case cudart.cudaErrorIllegalAddress,
          cudart.cudaErrorLaunchTimeout,
          cudart.cudaErrorAssert,
          cudart.cudaErrorHardwareStackError,
          cudart.cudaErrorIllegalInstruction,
          cudart.cudaErrorMisalignedAddress,
          cudart.cudaErrorInvalidAddressSpace,
          cudart.cudaErrorInvalidPc,
          cudart.cudaErrorLaunchFailure,
          cudart.cudaErrorECCUncorrectable ->
          true;
      default -> false;
    };
  }

  static void driver(int status, String call) {
    if (status == cudart.CUDA_SUCCESS) {
      return;
    }
    String name;
    try (PointerPointer<BytePointer> text = new PointerPointer<>(1)) {
      cudart.cuGetErrorName(status, text);
      BytePointer found = text.get(BytePointer.class, 0);
      name = found == null ? "error " + status : found.getString();
    }
    Kind kind =
        status == cudart.CUDA_ERROR_OUT_OF_MEMORY
            ? Kind.OUT_OF_MEMORY
            : lost(status) ? Kind.LOST : Kind.FAILED;
    throw new CudaException(kind, call + ": " + name);
  }

  static void dnn(int status, String call) {
    if (status == cudnn.CUDNN_STATUS_SUCCESS) {
      return;
    }
    String text;
    try (BytePointer buffer = new BytePointer(TEXT)) {
      cudnn.cudnnGetLastErrorString(buffer, TEXT);
      // The bindings take the whole buffer for text, also what lies behind its end.
      String whole = buffer.getString();
      int end = whole.indexOf('\0');
      text = whole.substring(0, end < 0 ? whole.length() : end).strip();
    }
    Kind kind = Kind.FAILED;
    if (status == cudnn.CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH
        || status == cudnn.CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED
        || status == cudnn.CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE) {
      kind = Kind.LIBRARY;
    } else if (status >= cudnn.CUDNN_STATUS_NOT_SUPPORTED
        && status < cudnn.CUDNN_STATUS_INTERNAL_ERROR) {
      kind = Kind.NOT_SUPPORTED;
    } else if (status == cudnn.CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED) {
      kind = Kind.OUT_OF_MEMORY;
    }
    throw new CudaException(
        kind, call + ": " + cudnn.cudnnGetErrorString(status).getString() + ". " + text);
  }

  static void blas(int status, String call) {
    if (status == cublas.CUBLAS_STATUS_SUCCESS) {
      return;
    }
    Kind kind = Kind.FAILED;
    if (status == cublas.CUBLAS_STATUS_ALLOC_FAILED) {
      kind = Kind.OUT_OF_MEMORY;
    } else if (status == cublas.CUBLAS_STATUS_NOT_SUPPORTED) {
      kind = Kind.NOT_SUPPORTED;
    }
    throw new CudaException(kind, call + ": " + cublas.cublasGetStatusString(status).getString());
  }

  static void nccl(int status, String call, ncclComm communicator) {
    if (status != nccl.ncclSuccess) {
      throw new CudaException(Kind.FAILED, call + ": " + ncclText(status, communicator));
    }
  }

  /** What NCCL says about a status. */
  static String ncclText(int status, ncclComm communicator) {
    BytePointer last = nccl.ncclGetLastError(communicator);
    String more = last == null ? "" : last.getString().strip();
    return nccl.ncclGetErrorString(status).getString() + (more.isEmpty() ? "" : ". " + more);
  }

  static void jpeg(int status, String call) {
    if (status == nvjpeg.NVJPEG_STATUS_SUCCESS) {
      return;
    }
    // There is no function that gives the text, and its own is a constant's name.
    String text =
        switch (status) {
          case nvjpeg.NVJPEG_STATUS_NOT_INITIALIZED -> "it was not initialised";
          case nvjpeg.NVJPEG_STATUS_INVALID_PARAMETER -> "a parameter is invalid";
          case nvjpeg.NVJPEG_STATUS_BAD_JPEG -> "the file is damaged";
          case nvjpeg.NVJPEG_STATUS_JPEG_NOT_SUPPORTED -> "it does not take this kind of JPEG file";
          case nvjpeg.NVJPEG_STATUS_ALLOCATOR_FAILURE -> "memory does not suffice";
          case nvjpeg.NVJPEG_STATUS_EXECUTION_FAILED -> "the GPU's work failed";
          case nvjpeg.NVJPEG_STATUS_ARCH_MISMATCH -> "this GPU cannot do it";
          case nvjpeg.NVJPEG_STATUS_INTERNAL_ERROR -> "an internal error";
          case nvjpeg.NVJPEG_STATUS_IMPLEMENTATION_NOT_SUPPORTED -> "it is not possible here";
          case nvjpeg.NVJPEG_STATUS_INCOMPLETE_BITSTREAM -> "the file is incomplete";
          default -> "unknown";
        };
    Kind kind =
        switch (status) {
          case nvjpeg.NVJPEG_STATUS_BAD_JPEG,
              nvjpeg.NVJPEG_STATUS_JPEG_NOT_SUPPORTED,
              nvjpeg.NVJPEG_STATUS_INCOMPLETE_BITSTREAM ->
              Kind.BAD_INPUT;
          case nvjpeg.NVJPEG_STATUS_ALLOCATOR_FAILURE -> Kind.OUT_OF_MEMORY;
          case nvjpeg.NVJPEG_STATUS_ARCH_MISMATCH,
              nvjpeg.NVJPEG_STATUS_IMPLEMENTATION_NOT_SUPPORTED ->
              Kind.NOT_SUPPORTED;
          default -> Kind.FAILED;
        };
    throw new CudaException(kind, call + ": nvJPEG's status " + status + ", " + text);
  }

  static void compiler(int status, String call) {
    if (status != nvrtc.NVRTC_SUCCESS) {
      throw new CudaException(
          Kind.FAILED, call + ": " + nvrtc.nvrtcGetErrorString(status).getString());
    }
  }
}
