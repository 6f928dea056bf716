// What all kernels share: types, rounding, vectors of eight elements, loops, sums over a block.
//
// Every tensor of a step starts at a multiple of 256 bytes, and every parameter in its arena at a multiple of 64. So eight
// elements from a multiple of eight on are one access of 16 bytes, two for float; host.h stops at an address that is none.
// Elementwise kernels and optimizers may get any part of an arena, and go one by one where it starts elsewhere.
#pragma once

#ifdef __CUDACC_RTC__
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
#define SHARED __shared__
#define ALIGNED16 __align__(16)
#define UNROLL _Pragma("unroll")
#else
#include "host.h"
#endif

struct bf16 {
  uint16_t bits;
};
struct f16 {
  uint16_t bits;
};

__device__ inline uint32_t bitsOf(float value) {
#ifdef __CUDACC_RTC__
  return __float_as_uint(value);
#else
  return hostBits(value);
#endif
}

__device__ inline float ofBits(uint32_t bits) {
#ifdef __CUDACC_RTC__
  return __uint_as_float(bits);
#else
  return hostFloat(bits);
#endif
}

__device__ inline float load(const float* p) {
  return *p;
}
__device__ inline float load(const bf16* p) {
  return ofBits((uint32_t)p->bits << 16);
}
__device__ inline float load(const f16* p) {
#ifdef __CUDACC_RTC__
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(p->bits));
  return value;
#else
  return hostFromHalf(p->bits);
#endif
}

__device__ inline void store(float* p, float value) {
  *p = value;
}
// Rounds to nearest even; NaN stays NaN.
__device__ inline void store(bf16* p, float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(p->bits) : "f"(value));
#else
  uint32_t bits = bitsOf(value);
  p->bits = (bits & 0x7fffffffu) > 0x7f800000u ? (uint16_t)(bits >> 16 | 0x40u)
                                               : (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
#endif
}
__device__ inline void store(f16* p, float value) {
#ifdef __CUDACC_RTC__
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(p->bits) : "f"(value));
#else
  p->bits = hostToHalf(value);
#endif
}

// 16 bytes, moved by one instruction.
struct ALIGNED16 Words {
  uint32_t at[4];
};

__device__ inline Words loadWords(const void* p) {
#ifdef __CUDACC_RTC__
  return *(const Words*)p;
#else
  return hostLoadWords(p);
#endif
}

__device__ inline void storeWords(void* p, const Words& words) {
#ifdef __CUDACC_RTC__
  *(Words*)p = words;
#else
  hostStoreWords(p, words);
#endif
}

// How many vectors of so many elements there are; none where a tensor starts between two.
template <typename... P>
__device__ inline long long vectors(long long elements, int width, const P*... tensors) {
  return ((... | (unsigned long long)tensors) & 15) == 0 ? elements / width : 0;
}

// Eight consecutive elements as they lie in memory: few registers while a load is under way.
template <typename T>
struct Eight {
  Words words;
};
template <>
struct Eight<float> {
  Words low;
  Words high;
};

__device__ inline Eight<float> load8(const float* p) {
  return {loadWords(p), loadWords(p + 4)};
}
__device__ inline Eight<bf16> load8(const bf16* p) {
  return {loadWords(p)};
}
__device__ inline Eight<f16> load8(const f16* p) {
  return {loadWords(p)};
}

__device__ inline void widen8(const Eight<float>& from, float (&to)[8]) {
  UNROLL
  for (int j = 0; j < 4; j++) {
    to[j] = ofBits(from.low.at[j]);
    to[j + 4] = ofBits(from.high.at[j]);
  }
}
__device__ inline void widen8(const Eight<bf16>& from, float (&to)[8]) {
  UNROLL
  for (int j = 0; j < 4; j++) {
    to[2 * j] = ofBits(from.words.at[j] << 16);
    to[2 * j + 1] = ofBits(from.words.at[j] & 0xffff0000u);
  }
}
__device__ inline void widen8(const Eight<f16>& from, float (&to)[8]) {
  UNROLL
  for (int j = 0; j < 4; j++) {
    f16 low = {(uint16_t)(from.words.at[j] & 0xffffu)};
    f16 high = {(uint16_t)(from.words.at[j] >> 16)};
    to[2 * j] = load(&low);
    to[2 * j + 1] = load(&high);
  }
}

__device__ inline void store8(float* p, const float (&values)[8]) {
  Words low;
  Words high;
  UNROLL
  for (int j = 0; j < 4; j++) {
    low.at[j] = bitsOf(values[j]);
    high.at[j] = bitsOf(values[j + 4]);
  }
  storeWords(p, low);
  storeWords(p + 4, high);
}
template <typename T>
__device__ inline void store8(T* p, const float (&values)[8]) {
  Words words;
  UNROLL
  for (int j = 0; j < 4; j++) {
    T low;
    T high;
    store(&low, values[2 * j]);
    store(&high, values[2 * j + 1]);
    words.at[j] = low.bits | (uint32_t)high.bits << 16;
  }
  storeWords(p, words);
}

// Four floats of an arena.
struct Four {
  float at[4];
};

__device__ inline Four load4(const float* p) {
  Words words = loadWords(p);
  Four four;
  UNROLL
  for (int j = 0; j < 4; j++) {
    four.at[j] = ofBits(words.at[j]);
  }
  return four;
}

__device__ inline void store4(float* p, const Four& four) {
  Words words;
  UNROLL
  for (int j = 0; j < 4; j++) {
    words.at[j] = bitsOf(four.at[j]);
  }
  storeWords(p, words);
}

#define GRID_LOOP(i, n) \
  for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += (long long)gridDim.x * blockDim.x)
#define BLOCK_LOOP(i, n) for (int i = threadIdx.x; i < (n); i += blockDim.x)

// Sum over the block, in an order that depends on its size alone; all threads get it. blockDim.x is a power of two of at
// most 1024.
__device__ inline double blockSum(double value) {
  SHARED double sums[1024];
  sums[threadIdx.x] = value;
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    if ((int)threadIdx.x < half) {
      sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    __syncthreads();
  }
  double total = sums[0];
  __syncthreads();
  return total;
}

// y = f(a), or added to y; y may be a.
template <typename T, typename F>
__device__ inline void each(const T* a, T* y, int accumulate, long long elements, F f) {
  long long whole = vectors(elements, 8, a, y);
  GRID_LOOP(i, whole) {
    Eight<T> loaded = load8(a + 8 * i);
    float value[8];
    float old[8] = {};
    if (accumulate) {
      widen8(load8(y + 8 * i), old);
    }
    widen8(loaded, value);
    UNROLL
    for (int j = 0; j < 8; j++) {
      float made = f(value[j]);
      value[j] = accumulate ? old[j] + made : made;
    }
    store8(y + 8 * i, value);
  }
  GRID_LOOP(i, elements - 8 * whole) {
    T* last = y + (elements - 1 - i);
    float made = f(load(a + (elements - 1 - i)));
    store(last, accumulate ? load(last) + made : made);
  }
}

// y = f(a, b), or added to y; y may be a or b.
template <typename T, typename F>
__device__ inline void each(const T* a, const T* b, T* y, int accumulate, long long elements, F f) {
  long long whole = vectors(elements, 8, a, b, y);
  GRID_LOOP(i, whole) {
    Eight<T> left = load8(a + 8 * i);
    Eight<T> right = load8(b + 8 * i);
    float value[8];
    float other[8];
    float old[8] = {};
    if (accumulate) {
      widen8(load8(y + 8 * i), old);
    }
    widen8(left, value);
    widen8(right, other);
    UNROLL
    for (int j = 0; j < 8; j++) {
      float made = f(value[j], other[j]);
      value[j] = accumulate ? old[j] + made : made;
    }
    store8(y + 8 * i, value);
  }
  GRID_LOOP(i, elements - 8 * whole) {
    long long last = elements - 1 - i;
    float made = f(load(a + last), load(b + last));
    store(y + last, accumulate ? load(y + last) + made : made);
  }
}
