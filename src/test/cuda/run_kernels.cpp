// Runs kernels of kernels.cu on the CPU for tests that extend KernelTest, and for HostDevice.
#include <jni.h>

#include "kernel_table.h"

static int run(const std::string& name, int blocks, int threads, jlong* bits, jsize count) {
  const host::Kernel* kernel = host::find(name);
  if (kernel == nullptr) {
    return 2;
  }
  if (count != kernel->arguments) {
    return 1;
  }
  std::vector<void*> arguments;
  for (int i = 0; i < count; i++) {
    arguments.push_back(bits + i);
  }
  host::launch(*kernel, blocks, threads, arguments.data());
  return 0;
}

// 0: done, 1: another number of arguments, 2: no such kernel
extern "C" JNIEXPORT jint JNICALL Java_org_jresnet_backend_gpu_HostKernels_run(JNIEnv* env, jclass, jstring name,
                                                                                 jint blocks, jint threads,
                                                                                 jlongArray arguments) {
  const char* text = env->GetStringUTFChars(name, nullptr);
  jlong* bits = env->GetLongArrayElements(arguments, nullptr);
  int result = run(text, blocks, threads, bits, env->GetArrayLength(arguments));
  env->ReleaseLongArrayElements(arguments, bits, JNI_ABORT);
  env->ReleaseStringUTFChars(name, text);
  return result;
}
