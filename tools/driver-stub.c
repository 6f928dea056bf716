/*
 * Stands in for NVIDIA's driver (libcuda.so.1) where there is none, so that cuDNN can plan for a GPU that is elsewhere.
 * It says that the driver is as new as CUDA 13.0 and that there is no device; code can be "loaded", nothing can run.
 * Never put it on the library path of a machine with a GPU.
 *
 * cc -shared -fPIC -Wl,-soname,libcuda.so.1 driver-stub.c -o libcuda.so.1
 */
enum { SUCCESS = 0, NO_DEVICE = 100, CUDA = 13000 };

static char something;

int cuDriverGetVersion(int *version) {
  *version = CUDA;
  return SUCCESS;
}

int cuGetErrorName(int error, const char **name) {
  *name = error == NO_DEVICE ? "CUDA_ERROR_NO_DEVICE" : "CUDA_ERROR";
  return SUCCESS;
}

int cuGetErrorString(int error, const char **text) {
  *text = error == NO_DEVICE ? "no CUDA-capable device (stand-in for the driver)" : "error of the stand-in driver";
  return SUCCESS;
}

/* What cuDNN asks of code that it has compiled. */
#define GIVES_HANDLE(name)                  \
  int name(void **handle) {                 \
    *handle = &something;                   \
    return SUCCESS;                         \
  }
#define GIVES_NUMBER(name, number)          \
  int name(int *value) {                    \
    *value = number;                        \
    return SUCCESS;                         \
  }
#define DOES_NOTHING(name)                  \
  int name(void) {                          \
    return SUCCESS;                         \
  }
#define HAS_NO_DEVICE(name)                 \
  int name(void) {                          \
    return NO_DEVICE;                       \
  }

GIVES_HANDLE(cuLibraryLoadData)
GIVES_HANDLE(cuLibraryLoadFromFile)
GIVES_HANDLE(cuLibraryGetKernel)
GIVES_HANDLE(cuModuleLoadData)
GIVES_HANDLE(cuModuleLoadDataEx)
GIVES_HANDLE(cuModuleLoadFatBinary)
GIVES_HANDLE(cuModuleGetFunction)
GIVES_NUMBER(cuKernelGetAttribute, 0)
GIVES_NUMBER(cuFuncGetAttribute, 0)
GIVES_NUMBER(cuOccupancyMaxPotentialClusterSize, 8)
GIVES_NUMBER(cuOccupancyMaxActiveBlocksPerMultiprocessor, 1)
DOES_NOTHING(cuLibraryUnload)
DOES_NOTHING(cuModuleUnload)
DOES_NOTHING(cuKernelSetAttribute)
DOES_NOTHING(cuFuncSetAttribute)

HAS_NO_DEVICE(cuInit)
HAS_NO_DEVICE(cuDeviceGet)
HAS_NO_DEVICE(cuDeviceGetAttribute)
HAS_NO_DEVICE(cuDeviceGetCount)
HAS_NO_DEVICE(cuDevicePrimaryCtxRelease)
HAS_NO_DEVICE(cuDevicePrimaryCtxReset)
HAS_NO_DEVICE(cuDevicePrimaryCtxRetain)
HAS_NO_DEVICE(cuCtxGetCurrent)
HAS_NO_DEVICE(cuCtxGetDevice)
HAS_NO_DEVICE(cuCtxGetLimit)
HAS_NO_DEVICE(cuCtxPopCurrent)
HAS_NO_DEVICE(cuCtxPushCurrent)
HAS_NO_DEVICE(cuStreamGetCtx)
HAS_NO_DEVICE(cuStreamSynchronize)
HAS_NO_DEVICE(cuLaunchKernel)
HAS_NO_DEVICE(cuLaunchKernelEx)
HAS_NO_DEVICE(cuLaunchCooperativeKernel)
HAS_NO_DEVICE(cuLinkAddData)
HAS_NO_DEVICE(cuLinkAddData_v2)
HAS_NO_DEVICE(cuLinkAddFile_v2)
HAS_NO_DEVICE(cuLinkComplete)
HAS_NO_DEVICE(cuLinkCreate)
HAS_NO_DEVICE(cuLinkCreate_v2)
HAS_NO_DEVICE(cuLinkDestroy)
HAS_NO_DEVICE(cuMemcpyDtoH_v2)
HAS_NO_DEVICE(cuModuleGetGlobal_v2)
HAS_NO_DEVICE(cuTensorMapEncodeTiled)
