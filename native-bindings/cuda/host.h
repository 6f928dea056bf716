// Lets kernels.cu compile as C++. Whoever runs a block sets the indices, and hostBarrier if it has several threads.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define __global__
#define __device__
#define SHARED static
#define ALIGNED16 alignas(16)
#define UNROLL
#define __launch_bounds__(threads, blocks)

struct Index {
  unsigned x;
};
static Index threadIdx = {0};
static Index blockIdx = {0};
static Index blockDim = {1};
static Index gridDim = {1};

static void (*hostBarrier)() = nullptr;

static inline void __syncthreads() {
  if (hostBarrier != nullptr) {
    hostBarrier();
  }
}

static inline uint32_t hostBits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float hostFloat(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline float hostFromHalf(uint16_t bits) {
  _Float16 half;
  memcpy(&half, &bits, sizeof half);
  return (float)half;
}

static inline uint16_t hostToHalf(float value) {
  _Float16 half = (_Float16)value;
  uint16_t bits;
  memcpy(&bits, &half, sizeof bits);
  return bits;
}

struct Words;

// A GPU would stop here, too.
static inline void hostRequireAligned(const void* p) {
  if ((uintptr_t)p % 16 != 0) {
    fprintf(stderr, "a vector of 16 bytes at %p, which is no multiple of 16\n", p);
    abort();
  }
}

template <typename W = Words>
static inline W hostLoadWords(const void* p) {
  hostRequireAligned(p);
  W words;
  memcpy(&words, p, sizeof words);
  return words;
}

template <typename W>
static inline void hostStoreWords(void* p, const W& words) {
  hostRequireAligned(p);
  memcpy(p, &words, sizeof words);
}

using std::exp;
using std::log;
using std::sqrt;
