// Runs kernels of kernels.cu on the CPU for KernelArithmeticTest: JNI in, one block after the other.
#include "kernels.cu"

#include <jni.h>

#include <string>
#include <tuple>
#include <utility>

// An argument as its bits: an address, an integer, or a float in the lower half.
template <typename T>
static T decode(jlong bits) {
  T value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

template <typename... A, size_t... I>
static void callWith(void (*kernel)(A...), const jlong* bits, std::index_sequence<I...>) {
  kernel(decode<A>(bits[I])...);
}

template <typename... A>
static bool call(void (*kernel)(A...), const jlong* bits, jsize count, int blocks) {
  if (count != sizeof...(A)) {
    return false;
  }
  gridDim.x = blocks;
  for (blockIdx.x = 0; blockIdx.x < gridDim.x; blockIdx.x++) {
    callWith(kernel, bits, std::index_sequence_for<A...>());
  }
  return true;
}

#define TRY(kernel) \
  if (name == #kernel) return call(kernel, bits, count, blocks) ? 0 : 1;
#define TRY_TYPES(kernel) TRY(kernel##_float) TRY(kernel##_bf16) TRY(kernel##_f16)

static int run(const std::string& name, int blocks, const jlong* bits, jsize count) {
  TRY_TYPES(input)
  TRY_TYPES(pack)
  TRY_TYPES(unpack)
  TRY_TYPES(fold)
  TRY_TYPES(add)
  TRY_TYPES(relu)
  TRY_TYPES(reluBackward)
  TRY_TYPES(mean)
  TRY_TYPES(meanBackward)
  TRY_TYPES(normApply)
  TRY_TYPES(normApplyBackward)
  TRY_TYPES(normSums)
  TRY_TYPES(normStatistics)
  TRY_TYPES(normBackward)
  TRY_TYPES(widen)
  TRY_TYPES(narrow)
  TRY(addBias)
  TRY(biasGradient)
  TRY(crossEntropy)
  TRY(lossSums)
  TRY(squares)
  TRY(sumUp)
  TRY(adam)
  TRY(sgd)
  return 2;
}

// 0: done, 1: another number of arguments, 2: no such kernel
extern "C" JNIEXPORT jint JNICALL Java_org_jresnet_backend_cudnn_HostKernels_run(JNIEnv* env, jclass, jstring name,
                                                                                 jint blocks, jlongArray arguments) {
  const char* text = env->GetStringUTFChars(name, nullptr);
  jlong* bits = env->GetLongArrayElements(arguments, nullptr);
  int result = run(text, blocks, bits, env->GetArrayLength(arguments));
  env->ReleaseLongArrayElements(arguments, bits, JNI_ABORT);
  env->ReleaseStringUTFChars(name, text);
  return result;
}
