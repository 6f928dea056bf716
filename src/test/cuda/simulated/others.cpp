// cuBLASLt, as far as it multiplies matrices, and NVRTC.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "device.h"

namespace {

struct Layout {
  int type;
  uint64_t rows;
  uint64_t columns;
  int64_t leading;
};

struct Product {
  int compute;
  int transposed[2];
};

float rounded(float value, bool tf32) {
  return tf32 ? sim::tf32(value) : value;
}

// Element of op(A), which is stored by columns.
size_t at(const Layout& layout, int transposed, uint64_t row, uint64_t column) {
  return transposed ? column + row * layout.leading : row + column * layout.leading;
}

size_t bytes(const Layout& layout) {
  return 4 * layout.leading * layout.columns;
}

}  // namespace

extern "C" {

size_t cublasLtGetVersion() {
  return 130000;
}

const char* cublasGetStatusString(int status) {
  return status == CUBLAS_STATUS_INVALID_VALUE ? "CUBLAS_STATUS_INVALID_VALUE" : "CUBLAS_STATUS_EXECUTION_FAILED";
}

int cublasLtCreate(void** handle) {
  *handle = new int;
  return CUBLAS_STATUS_SUCCESS;
}

int cublasLtDestroy(void* handle) {
  delete (int*)handle;
  return CUBLAS_STATUS_SUCCESS;
}

int cublasLtMatmulDescInit_internal(Product* product, size_t size, int compute, int scale) {
  *product = {compute, {CUBLAS_OP_N, CUBLAS_OP_N}};
  return size >= sizeof *product && scale == CUDA_R_32F ? (int)CUBLAS_STATUS_SUCCESS : (int)CUBLAS_STATUS_INVALID_VALUE;
}

int cublasLtMatmulDescSetAttribute(Product* product, int attribute, const void* value, size_t size) {
  if ((attribute != CUBLASLT_MATMUL_DESC_TRANSA && attribute != CUBLASLT_MATMUL_DESC_TRANSB) || size != 4) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  memcpy(&product->transposed[attribute == CUBLASLT_MATMUL_DESC_TRANSB], value, size);
  return CUBLAS_STATUS_SUCCESS;
}

int cublasLtMatrixLayoutInit_internal(Layout* layout, size_t size, int type, uint64_t rows, uint64_t columns,
                                      int64_t leading) {
  *layout = {type, rows, columns, leading};
  return size >= sizeof *layout && type == CUDA_R_32F && leading >= (int64_t)rows ? (int)CUBLAS_STATUS_SUCCESS
                                                                                  : (int)CUBLAS_STATUS_INVALID_VALUE;
}

int cublasLtMatmulPreferenceInit_internal(void*, size_t) {
  return CUBLAS_STATUS_SUCCESS;
}

int cublasLtMatmulPreferenceSetAttribute(void*, int, const void*, size_t) {
  return CUBLAS_STATUS_SUCCESS;
}

int cublasLtMatmulAlgoGetHeuristic(void*, Product*, Layout*, Layout*, Layout*, Layout*, void*, int wanted, void*,
                                   int* found) {
  *found = wanted;
  return CUBLAS_STATUS_SUCCESS;
}

int cublasLtMatmul(void*, Product* product, const float* alpha, const float* a, Layout* layoutA, const float* b,
                   Layout* layoutB, const float* beta, const float* c, Layout* layoutC, float* d, Layout* layoutD, void*,
                   void* workspace, size_t workspaceBytes, sim::Stream* stream) {
  DEVICE_CALL;
  Product p = *product;
  Layout la = *layoutA;
  Layout lb = *layoutB;
  Layout lc = *layoutD;
  bool ta = p.transposed[0] == CUBLAS_OP_T;
  bool tb = p.transposed[1] == CUBLAS_OP_T;
  uint64_t k = ta ? la.rows : la.columns;
  if (*alpha != 1 || *beta != 0 || c != d || memcmp(layoutC, layoutD, sizeof lc) != 0 ||
      (ta ? la.columns : la.rows) != lc.rows || (tb ? lb.rows : lb.columns) != lc.columns ||
      (tb ? lb.columns : lb.rows) != k || !sim::onDevice(a, bytes(la)) || !sim::onDevice(b, bytes(lb)) ||
      !sim::onDevice(d, bytes(lc)) || !sim::onDevice(workspace, workspaceBytes) || !sim::mayLaunch(stream)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  int status = sim::enqueue(stream, [=] {
    memset(workspace, 0xff, workspaceBytes);
    bool tf32 = p.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
    for (uint64_t column = 0; column < lc.columns; column++) {
      for (uint64_t row = 0; row < lc.rows; row++) {
        double sum = 0;
        for (uint64_t i = 0; i < k; i++) {
          sum += (double)rounded(a[at(la, ta, row, i)], tf32) * rounded(b[at(lb, tb, i, column)], tf32);
        }
        d[at(lc, 0, row, column)] = (float)sum;
      }
    }
  });
  return status == cudaSuccess ? (int)CUBLAS_STATUS_SUCCESS : (int)CUBLAS_STATUS_EXECUTION_FAILED;
}

int nvrtcVersion(int* major, int* minor) {
  *major = 0;
  *minor = 0;
  return NVRTC_SUCCESS;
}

const char* nvrtcGetErrorString(int) {
  return "an error of the simulated compiler";
}

int nvrtcCreateProgram(void** program, const char*, const char*, int, const char* const*, const char* const*) {
  *program = new int;
  return NVRTC_SUCCESS;
}

int nvrtcDestroyProgram(void** program) {
  delete (int*)*program;
  return NVRTC_SUCCESS;
}

int nvrtcCompileProgram(void*, int, const char* const*) {
  return NVRTC_SUCCESS;
}

int nvrtcGetProgramLogSize(void*, size_t* size) {
  *size = sim::compilerLog().size() + 1;
  return NVRTC_SUCCESS;
}

int nvrtcGetProgramLog(void*, char* text) {
  strcpy(text, sim::compilerLog().c_str());
  return NVRTC_SUCCESS;
}

static const char CODE[] = "simulated";

int nvrtcGetCUBINSize(void*, size_t* size) {
  *size = sizeof CODE;
  return NVRTC_SUCCESS;
}

int nvrtcGetCUBIN(void*, char* code) {
  memcpy(code, CODE, sizeof CODE);
  return NVRTC_SUCCESS;
}

}  // extern "C"
