// Batch norm and sums over channels in two passes over memory, for tensors of [pixels][c].
//
// A thread takes V neighbouring channels, one access of 16 bytes (V = 8, c a multiple of 8) or one element (V = 1, any c).
// A block lies over a tile of up to 32 times V channels, 512 bytes of a row of 16-bit values, and over a slice of the
// pixels. The first pass leaves sums of each slice in single precision: partial[slice][channel], then the same for the
// second sum. A fold adds them up in double precision, slice after slice, so that equal launches give equal bits. The second
// pass goes through its slice backwards: what the first one read last is still in the L2 cache.
//
// first and count choose channels, so that a launch can be held to as many as the L2 cache keeps between the passes.
// The mask has one byte per V channels, in the order of the tensor: V = 8 gives one bit per element, the lowest first, which is
// how cuDNN lays out a boolean tensor.
#pragma once
#include "common.h"

#ifndef __CUDACC_RTC__
// What is not loaded past the end is not used there either, which GCC does not see through the unrolled loops.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// Loads of 16 bytes of a tensor that a thread has under way. Registers decide how many threads an SM holds: 768 or 512.
// Threads times loads are 48 or 64 KiB in flight on an SM; 4.3 TB/s need 32 KiB on each of 132 SMs if memory answers
// within a microsecond.
template <typename T>
constexpr int FOUR_LOADS = sizeof(T) == 4 ? 2 : 4;
template <typename T>
constexpr int TWO_LOADS = sizeof(T) == 4 ? 1 : 2;

constexpr int TILE = 32;
constexpr int BLOCK = 256;

// The largest value that rounds to 0.
template <typename T>
constexpr float ROUNDS_TO_ZERO = 0.0f;
template <>
constexpr float ROUNDS_TO_ZERO<bf16> = 0x1p-134f;
template <>
constexpr float ROUNDS_TO_ZERO<f16> = 0x1p-25f;

// V elements as they lie in memory.
template <typename T, int V>
struct Unit;
template <typename T>
struct Unit<T, 8> {
  Eight<T> raw;
  __device__ void read(const T* p) {
    raw = load8(p);
  }
  __device__ void widen(float (&to)[8]) const {
    widen8(raw, to);
  }
  __device__ static void write(T* p, const float (&values)[8]) {
    store8(p, values);
  }
};
template <typename T>
struct Unit<T, 1> {
  T raw = {};
  __device__ void read(const T* p) {
    raw = *p;
  }
  __device__ void widen(float (&to)[1]) const {
    to[0] = load(&raw);
  }
  __device__ static void write(T* p, const float (&values)[1]) {
    store(p, values[0]);
  }
};

// The part of a tensor that is worked on: count channels from first on, in so many slices of its pixels.
struct Area {
  int c;
  int first;
  int count;
  int pixels;
  int slices;
};

// Where a thread lies within a tile, and which tile and slice its block works on.
template <int V>
struct Lane {
  int width;
  int rows;
  int row;
  int column;
  int tiles;

  __device__ Lane(const Area& a) {
    int units = a.count / V;
    width = units < TILE ? units : TILE;
    width = width < (int)blockDim.x ? width : (int)blockDim.x;
    rows = blockDim.x / width;
    row = threadIdx.x / width;
    column = threadIdx.x % width;
    tiles = (units + width - 1) / width;
  }

  __device__ int jobs(const Area& a) const {
    return tiles * a.slices;
  }
  // The first of the thread's channels, or -1 if it has none.
  __device__ int channel(const Area& a, int job) const {
    int unit = job % tiles * width + column;
    return row < rows && unit * V < a.count ? a.first + unit * V : -1;
  }
  __device__ static int begin(const Area& a, int slice) {
    return (int)((long long)a.pixels * slice / a.slices);
  }
  __device__ int slice(int job) const {
    return job / tiles;
  }
};

// Adds up the threads' sums row by row, the same way each time, and writes them as those of the slice.
template <int V>
__device__ void foldRows(const Lane<V>& lane, const Area& a, int job, const float (&values)[V], float* partial) {
  SHARED float sums[BLOCK * V];
  for (int v = 0; v < V; v++) {
    sums[threadIdx.x * V + v] = values[v];
  }
  __syncthreads();
  int span = lane.width * V;
  int from = job % lane.tiles * span;
  BLOCK_LOOP(i, span) {
    if (from + i < a.count) {
      double sum = 0;
      for (int r = 0; r < lane.rows; r++) {
        sum += sums[r * span + i];
      }
      partial[(long long)lane.slice(job) * a.c + a.first + from + i] = (float)sum;
    }
  }
  __syncthreads();
}

// First pass of forward: sums of x - pivot and of its square over each slice; pivot is the slice's first pixel, so that a
// mean far from zero costs no digits.
template <typename T, int V>
__device__ void normPartials(const T* x, float* partial, const Area& a) {
  Lane<V> lane(a);
  for (int job = blockIdx.x; job < lane.jobs(a); job += gridDim.x) {
    int channel = lane.channel(a, job);
    float sum[V] = {};
    float square[V] = {};
    if (channel >= 0) {
      int begin = lane.begin(a, lane.slice(job));
      int end = lane.begin(a, lane.slice(job) + 1);
      float pivot[V];
      Unit<T, V> at;
      at.read(x + (long long)begin * a.c + channel);
      at.widen(pivot);
      for (int p = begin + lane.row; p < end; p += FOUR_LOADS<T> * lane.rows) {
        Unit<T, V> loaded[FOUR_LOADS<T>];
        UNROLL
        for (int u = 0; u < FOUR_LOADS<T>; u++) {
          int pixel = p + u * lane.rows;
          loaded[u].read(x + (long long)(pixel < end ? pixel : begin) * a.c + channel);
        }
        UNROLL
        for (int u = 0; u < FOUR_LOADS<T>; u++) {
          float value[V];
          loaded[u].widen(value);
          UNROLL
          for (int v = 0; v < V; v++) {
            // Past the end it is the pivot itself, which adds nothing.
            float off = value[v] - pivot[v];
            sum[v] += off;
            square[v] += off * off;
          }
        }
      }
    }
    foldRows<V>(lane, a, job, sum, partial);
    foldRows<V>(lane, a, job, square, partial + (long long)a.slices * a.c);
  }
}

// A block folds as many channels at a time as a warp has threads, and adds up the slices in rows, then the rows.
__device__ inline double foldColumn(double value, int lanes) {
  SHARED double sums[BLOCK];
  sums[threadIdx.x] = value;
  __syncthreads();
  double total = 0;
  for (int i = threadIdx.x % lanes; i < (int)blockDim.x / lanes * lanes; i += lanes) {
    total += sums[i];
  }
  __syncthreads();
  return total;
}

// Mean and inverse deviation of the batch, and the running statistics moved towards them by the share momentum, with the
// unbiased variance. Slices of n values with mean m and sum of squared distances q join to
//   mean = sum n m / N        sum of squared distances = sum q + n (m - mean)^2
template <typename T>
__device__ void normFold(const T* x, const float* partial, float* mean, float* inverse, float* runningMean,
                         float* runningVar, float momentum, float eps, const Area& a) {
  int lanes = blockDim.x < TILE ? blockDim.x : TILE;
  int rows = blockDim.x / lanes;
  for (int from = blockIdx.x * lanes; from < a.count; from += gridDim.x * lanes) {
    bool mine = from + (int)threadIdx.x % lanes < a.count && (int)threadIdx.x < rows * lanes;
    int channel = mine ? a.first + from + threadIdx.x % lanes : a.first;
    const float* sums = partial + channel;
    const float* squares = sums + (long long)a.slices * a.c;
    double sum = 0;
    for (int s = threadIdx.x / lanes; mine && s < a.slices; s += rows) {
      int begin = Lane<1>::begin(a, s);
      double n = Lane<1>::begin(a, s + 1) - begin;
      sum += sums[(long long)s * a.c] + n * load(x + (long long)begin * a.c + channel);
    }
    double center = foldColumn(sum, lanes) / a.pixels;
    double distances = 0;
    for (int s = threadIdx.x / lanes; mine && s < a.slices; s += rows) {
      int begin = Lane<1>::begin(a, s);
      double n = Lane<1>::begin(a, s + 1) - begin;
      double off = sums[(long long)s * a.c];
      double between = load(x + (long long)begin * a.c + channel) + off / n - center;
      distances += squares[(long long)s * a.c] - off * off / n + n * between * between;
    }
    distances = foldColumn(distances, lanes);
    distances = distances < 0 ? 0 : distances;
    if (mine && (int)threadIdx.x < lanes) {
      mean[channel] = (float)center;
      inverse[channel] = (float)(1 / sqrt(distances / a.pixels + eps));
      runningMean[channel] += momentum * ((float)center - runningMean[channel]);
      runningVar[channel] += momentum * ((float)(distances / (a.pixels - 1)) - runningVar[channel]);
    }
  }
}

// Values of the thread's channels.
template <int V>
__device__ inline void ofChannels(const float* from, int channel, float (&to)[V]) {
  if constexpr (V == 8) {
    widen8(load8(from + channel), to);
  } else {
    to[0] = from[channel];
  }
}

// The inverse deviations as they are given, or from variances.
template <int V>
__device__ inline void inverses(const float* inverse, const float* var, float eps, int channel, float (&to)[V]) {
  ofChannels<V>(inverse != nullptr ? inverse : var, channel, to);
  UNROLL
  for (int v = 0; v < V; v++) {
    to[v] = inverse != nullptr ? to[v] : 1 / sqrtf(to[v] + eps);
  }
}

// Second pass of forward, also by the running statistics (inverse null, var given):
//   y = act((x - mean) * inverse * gamma + beta + residual)
// residual may be null; mask says where y > 0, and may be null.
template <typename T, int V, int U>
__device__ void normApply(const T* x, const float* mean, const float* inverse, const float* var, const float* gamma,
                          const float* beta, const T* residual, T* y, uint8_t* mask, float eps, int rectify,
                          const Area& a) {
  Lane<V> lane(a);
  for (int job = blockIdx.x; job < lane.jobs(a); job += gridDim.x) {
    int channel = lane.channel(a, job);
    if (channel < 0) {
      continue;
    }
    float center[V];
    float factor[V];
    float offset[V];
    ofChannels<V>(mean, channel, center);
    ofChannels<V>(gamma, channel, offset);
    inverses<V>(inverse, var, eps, channel, factor);
    UNROLL
    for (int v = 0; v < V; v++) {
      factor[v] *= offset[v];
    }
    ofChannels<V>(beta, channel, offset);
    int begin = lane.begin(a, lane.slice(job)) + lane.row;
    int end = lane.begin(a, lane.slice(job) + 1);
    int step = U * lane.rows;
    for (int p = begin + (end - 1 - begin) / step * step; p >= begin && begin < end; p -= step) {
      Unit<T, V> loaded[U];
      Unit<T, V> added[U];
      UNROLL
      for (int u = 0; u < U; u++) {
        int pixel = p + u * lane.rows;
        if (pixel < end) {
          loaded[u].read(x + (long long)pixel * a.c + channel);
          if (residual != nullptr) {
            added[u].read(residual + (long long)pixel * a.c + channel);
          }
        }
      }
      UNROLL
      for (int u = 0; u < U; u++) {
        int pixel = p + u * lane.rows;
        if (pixel < end) {
          float value[V];
          loaded[u].widen(value);
          float more[V] = {};
          if (residual != nullptr) {
            added[u].widen(more);
          }
          unsigned bits = 0;
          UNROLL
          for (int v = 0; v < V; v++) {
            value[v] = (value[v] - center[v]) * factor[v] + offset[v] + more[v];
            // NaN stays NaN.
            value[v] = rectify && value[v] < 0 ? 0.0f : value[v];
          }
          long long i = (long long)pixel * a.c + channel;
          Unit<T, V>::write(y + i, value);
          if (mask != nullptr) {
            // What is stored decides.
            UNROLL
            for (int v = 0; v < V; v++) {
              bits |= (value[v] > ROUNDS_TO_ZERO<T> ? 1u : 0u) << v;
            }
            mask[i / V] = (uint8_t)bits;
          }
        }
      }
    }
  }
}

// dz = dy where the mask says so; a gradient that is not finite does not get through a 0.
template <int V>
__device__ inline void maskOut(unsigned bits, float (&dz)[V]) {
  UNROLL
  for (int v = 0; v < V; v++) {
    dz[v] = bits >> v & 1 ? dz[v] : 0.0f;
  }
}

// First pass of backward: sums of dz and of dz * (x - mean) over each slice. Without x the first sum alone.
template <typename T, int V>
__device__ void normSums(const T* x, const T* dy, const uint8_t* mask, const float* mean, float* partial,
                         const Area& a) {
  Lane<V> lane(a);
  for (int job = blockIdx.x; job < lane.jobs(a); job += gridDim.x) {
    int channel = lane.channel(a, job);
    float sum[V] = {};
    float product[V] = {};
    if (channel >= 0) {
      int begin = lane.begin(a, lane.slice(job)) + lane.row;
      int end = lane.begin(a, lane.slice(job) + 1);
      float center[V] = {};
      if (x != nullptr) {
        ofChannels<V>(mean, channel, center);
      }
      for (int p = begin; p < end; p += TWO_LOADS<T> * lane.rows) {
        Unit<T, V> values[TWO_LOADS<T>];
        Unit<T, V> gradients[TWO_LOADS<T>];
        unsigned bits[TWO_LOADS<T>];
        UNROLL
        for (int u = 0; u < TWO_LOADS<T>; u++) {
          int pixel = p + u * lane.rows;
          long long i = (long long)(pixel < end ? pixel : p) * a.c + channel;
          if (x != nullptr) {
            values[u].read(x + i);
          }
          gradients[u].read(dy + i);
          bits[u] = pixel >= end ? 0u : mask != nullptr ? mask[i / V] : ~0u;
        }
        UNROLL
        for (int u = 0; u < TWO_LOADS<T>; u++) {
          float dz[V];
          gradients[u].widen(dz);
          maskOut<V>(bits[u], dz);
          float value[V] = {};
          if (x != nullptr) {
            values[u].widen(value);
          }
          UNROLL
          for (int v = 0; v < V; v++) {
            sum[v] += dz[v];
            product[v] += dz[v] * (value[v] - center[v]);
          }
        }
      }
    }
    foldRows<V>(lane, a, job, sum, partial);
    if (x != nullptr) {
      foldRows<V>(lane, a, job, product, partial + (long long)a.slices * a.c);
    }
  }
}

// Second pass of backward, with N pixels:
//   dz = dy where the mask says so     dresidual = dz (if there is one)
//   dx = gamma * inverse * (dz - dbeta / N - (x - mean) * inverse * dgamma / N)
// By the running statistics (x null) the last two terms are not there. dresidual may be dy.
template <typename T, int V>
__device__ void normBackward(const T* x, const T* dy, const uint8_t* mask, const float* mean, const float* inverse,
                             const float* var, const float* gamma, const float* dgamma, const float* dbeta,
                             T* dresidual, T* dx, float eps, const Area& a) {
  constexpr int U = FOUR_LOADS<T>;
  Lane<V> lane(a);
  for (int job = blockIdx.x; job < lane.jobs(a); job += gridDim.x) {
    int channel = lane.channel(a, job);
    if (channel < 0) {
      continue;
    }
    // dx = factor * dz + slope * x + shift, which keeps three values per channel in registers instead of four. The mean
    // is within shift: its rounding weighs as much as slope, a mean over all pixels, and not as much as dz.
    float factor[V];
    float slope[V] = {};
    float shift[V] = {};
    float scale[V];
    inverses<V>(inverse, var, eps, channel, factor);
    ofChannels<V>(gamma, channel, scale);
    if (x != nullptr) {
      float center[V];
      ofChannels<V>(mean, channel, center);
      ofChannels<V>(dgamma, channel, slope);
      ofChannels<V>(dbeta, channel, shift);
      UNROLL
      for (int v = 0; v < V; v++) {
        float all = factor[v] * scale[v] / a.pixels;
        slope[v] *= -all * factor[v];
        shift[v] = -all * shift[v] - slope[v] * center[v];
      }
    }
    UNROLL
    for (int v = 0; v < V; v++) {
      factor[v] *= scale[v];
    }
    int begin = lane.begin(a, lane.slice(job)) + lane.row;
    int end = lane.begin(a, lane.slice(job) + 1);
    int step = U * lane.rows;
    for (int p = begin + (end - 1 - begin) / step * step; p >= begin && begin < end; p -= step) {
      Unit<T, V> values[U];
      Unit<T, V> gradients[U];
      unsigned bits[U];
      UNROLL
      for (int u = 0; u < U; u++) {
        int pixel = p + u * lane.rows;
        if (pixel < end) {
          long long i = (long long)pixel * a.c + channel;
          if (x != nullptr) {
            values[u].read(x + i);
          }
          gradients[u].read(dy + i);
          bits[u] = mask != nullptr ? mask[i / V] : ~0u;
        }
      }
      UNROLL
      for (int u = 0; u < U; u++) {
        int pixel = p + u * lane.rows;
        if (pixel < end) {
          long long i = (long long)pixel * a.c + channel;
          float dz[V];
          gradients[u].widen(dz);
          maskOut<V>(bits[u], dz);
          if (dresidual != nullptr) {
            Unit<T, V>::write(dresidual + i, dz);
          }
          float value[V] = {};
          if (x != nullptr) {
            values[u].widen(value);
          }
          UNROLL
          for (int v = 0; v < V; v++) {
            dz[v] = factor[v] * dz[v] + (slope[v] * value[v] + shift[v]);
          }
          Unit<T, V>::write(dx + i, dz);
        }
      }
    }
  }
}

// A bound of 256 threads and so many blocks on an SM, which is how many registers the compiler may use.
#define NORM_KERNELS(T, V, NAME)                                                                                       \
  extern "C" __global__ void __launch_bounds__(BLOCK, 3)                                                               \
      normPartials##NAME(const T* x, float* partial, int c, int first, int count, int pixels, int slices) {            \
    normPartials<T, V>(x, partial, {c, first, count, pixels, slices});                                                 \
  }                                                                                                                    \
  extern "C" __global__ void __launch_bounds__(BLOCK, 3)                                                               \
      normApply##NAME(const T* x, const float* mean, const float* inverse, const float* var, const float* gamma,       \
                      const float* beta, T* y, uint8_t* mask, float eps, int rectify, int c, int first, int count,     \
                      int pixels, int slices) {                                                                        \
    normApply<T, V, FOUR_LOADS<T>>(x, mean, inverse, var, gamma, beta, nullptr, y, mask, eps, rectify,                 \
                                   {c, first, count, pixels, slices});                                                 \
  }                                                                                                                    \
  extern "C" __global__ void __launch_bounds__(BLOCK, 3)                                                               \
      normAddApply##NAME(const T* x, const float* mean, const float* inverse, const float* var, const float* gamma,    \
                         const float* beta, const T* residual, T* y, uint8_t* mask, float eps, int rectify, int c,     \
                         int first, int count, int pixels, int slices) {                                               \
    normApply<T, V, TWO_LOADS<T>>(x, mean, inverse, var, gamma, beta, residual, y, mask, eps, rectify,                 \
                                  {c, first, count, pixels, slices});                                                  \
  }                                                                                                                    \
  extern "C" __global__ void __launch_bounds__(BLOCK, 3)                                                               \
      normSums##NAME(const T* x, const T* dy, const uint8_t* mask, const float* mean, float* partial, int c,           \
                     int first, int count, int pixels, int slices) {                                                   \
    normSums<T, V>(x, dy, mask, mean, partial, {c, first, count, pixels, slices});                                     \
  }                                                                                                                    \
  extern "C" __global__ void __launch_bounds__(BLOCK, 2)                                                               \
      normBackward##NAME(const T* x, const T* dy, const uint8_t* mask, const float* mean, const float* inverse,        \
                         const float* var, const float* gamma, const float* dgamma, const float* dbeta, T* dresidual,  \
                         T* dx, float eps, int c, int first, int count, int pixels, int slices) {                      \
    normBackward<T, V>(x, dy, mask, mean, inverse, var, gamma, dgamma, dbeta, dresidual, dx, eps,                      \
                       {c, first, count, pixels, slices});                                                             \
  }

#define NORM_FOR_TYPE(T)                                                                                               \
  NORM_KERNELS(T, 8, _##T)                                                                                             \
  NORM_KERNELS(T, 1, Scalar_##T)                                                                                       \
  extern "C" __global__ void __launch_bounds__(BLOCK, 4)                                                               \
      normFold_##T(const T* x, const float* partial, float* mean, float* inverse, float* runningMean,                  \
                   float* runningVar, float momentum, float eps, int c, int first, int count, int pixels,              \
                   int slices) {                                                                                       \
    normFold(x, partial, mean, inverse, runningMean, runningVar, momentum, eps, {c, first, count, pixels, slices});    \
  }

NORM_FOR_TYPE(float)
NORM_FOR_TYPE(bf16)
NORM_FOR_TYPE(f16)

// dbeta = sum dz, dgamma = sum dz * (x - mean) * inverse; dgamma may be null.
extern "C" __global__ void __launch_bounds__(BLOCK, 4)
    normSumsFold(const float* partial, const float* inverse, const float* var, float eps, float* dgamma, float* dbeta,
                 int c, int first, int count, int pixels, int slices) {
  Area a = {c, first, count, pixels, slices};
  int lanes = blockDim.x < TILE ? blockDim.x : TILE;
  int rows = blockDim.x / lanes;
  for (int from = blockIdx.x * lanes; from < a.count; from += gridDim.x * lanes) {
    bool mine = from + (int)threadIdx.x % lanes < a.count && (int)threadIdx.x < rows * lanes;
    int channel = mine ? a.first + from + threadIdx.x % lanes : a.first;
    double sum = 0;
    double product = 0;
    for (int s = threadIdx.x / lanes; mine && s < a.slices; s += rows) {
      sum += partial[(long long)s * a.c + channel];
      product += dgamma == nullptr ? 0 : partial[(long long)(a.slices + s) * a.c + channel];
    }
    sum = foldColumn(sum, lanes);
    product = foldColumn(product, lanes);
    if (mine && (int)threadIdx.x < lanes) {
      dbeta[channel] = (float)sum;
      if (dgamma != nullptr) {
        double scale = inverse != nullptr ? (double)inverse[channel] : 1 / sqrt((double)var[channel] + eps);
        dgamma[channel] = (float)(product * scale);
      }
    }
  }
}

#ifndef __CUDACC_RTC__
#pragma GCC diagnostic pop
#endif

// Statistics of the batch from sums over count values per channel, and the running ones. The difference of two sums loses
// what the mean is larger than the deviation; cuDNN's own path of this kind does the same. Where factor and offset are
// given, they get the norm as y = factor * x + offset, which engines of cuDNN take in half precision alone.
extern "C" __global__ void normFinish(const float* sum, const float* squares, float* mean, float* inverse,
                                      float* runningMean, float* runningVar, float momentum, float eps,
                                      const float* gamma, const float* beta, f16* factor, f16* offset, int c,
                                      long long count) {
  GRID_LOOP(i, c) {
    double m = sum[i] / (double)count;
    double difference = squares[i] / (double)count - m * m;
    // NaN stays NaN.
    double var = difference < 0 ? 0 : difference;
    mean[i] = (float)m;
    inverse[i] = (float)(1 / sqrt(var + (double)eps));
    if (factor != nullptr) {
      double scale = gamma[i] / sqrt(var + (double)eps);
      store(factor + i, (float)scale);
      store(offset + i, (float)(beta[i] - m * scale));
    }
    runningMean[i] = (float)((1 - (double)momentum) * runningMean[i] + (double)momentum * m);
    runningVar[i] =
        (float)((1 - (double)momentum) * runningVar[i] + (double)momentum * var * (double)count / (double)(count - 1));
  }
}
