// Kernels for what cuDNN and cuBLASLt do not do: packing of weights, elementwise work, the loss and the optimizers.
//
// Every kernel loops over its elements with a stride of the whole grid (or block), so it is right for any launch, down to
// one block of one thread. host.h uses that: it compiles this same text as C++ for tests without a GPU.
//
// Activations are float, bf16 or f16 in memory and float in registers. Layouts: activations n h w c, filters in the
// parameter arena k c r s, filters for cuDNN k r s c.

#ifdef __CUDACC_RTC__
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
#define SHARED __shared__
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
  uint32_t bits = bitsOf(value);
  p->bits = (bits & 0x7fffffffu) > 0x7f800000u ? (uint16_t)(bits >> 16 | 0x40u)
                                               : (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
__device__ inline void store(f16* p, float value) {
#ifdef __CUDACC_RTC__
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(p->bits) : "f"(value));
#else
  p->bits = hostToHalf(value);
#endif
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

// y = (pixel / 255 - mean[c]) / std[c]; meanStd holds the means, then the deviations.
template <typename T>
__device__ void input(const uint8_t* pixels, const float* meanStd, int channels, int elements, T* y) {
  GRID_LOOP(i, elements) {
    int c = (int)(i % channels);
    store(y + i, (pixels[i] / 255.0f - meanStd[c]) / meanStd[channels + c]);
  }
}

// k c r s -> k r s c
template <typename T>
__device__ void pack(const float* from, T* to, int k, int c, int rs) {
  GRID_LOOP(i, (long long)k * c * rs) {
    long long filter = i / ((long long)c * rs);
    int rest = (int)(i % ((long long)c * rs));
    store(to + i, from[(filter * c + rest % c) * rs + rest / c]);
  }
}

// k r s c -> k c r s
template <typename T>
__device__ void unpack(const T* from, float* to, int k, int c, int rs) {
  GRID_LOOP(i, (long long)k * c * rs) {
    long long filter = i / ((long long)c * rs);
    int rest = (int)(i % ((long long)c * rs));
    to[i] = load(from + (filter * rs + rest % rs) * c + rest / rs);
  }
}

// weight -> weight * gamma / sqrt(var + eps), as k r s c; bias -> beta + (offset - mean) * gamma / sqrt(var + eps), offset
// may be null
template <typename T>
__device__ void fold(const float* weight, const float* offset, const float* gamma, const float* beta, const float* mean,
                     const float* var, float eps, T* packed, T* bias, int k, int c, int rs) {
  GRID_LOOP(i, (long long)k * c * rs) {
    long long filter = i / ((long long)c * rs);
    int rest = (int)(i % ((long long)c * rs));
    float factor = gamma[filter] / sqrtf(var[filter] + eps);
    store(packed + i, weight[(filter * c + rest % c) * rs + rest / c] * factor);
  }
  GRID_LOOP(f, k) {
    float center = offset == nullptr ? mean[f] : mean[f] - offset[f];
    store(bias + f, beta[f] - center * (gamma[f] / sqrtf(var[f] + eps)));
  }
}

// y = a + b; y may be a or b.
template <typename T>
__device__ void add(const T* a, const T* b, T* y, long long elements) {
  GRID_LOOP(i, elements) {
    store(y + i, load(a + i) + load(b + i));
  }
}

enum Function { RELU = 1, RELU6, LEAKY_RELU, SIGMOID, SILU, HARD_SWISH, HARD_SIGMOID };

__device__ inline float relu6(float x) {
  return x < 0 ? 0.0f : x > 6 ? 6.0f : x;
}

__device__ inline float sigmoid(float x) {
  return 1 / (1 + expf(-x));
}

// NaN stays NaN.
__device__ inline float activate(int function, float slope, float x) {
  switch (function) {
    case RELU:
      return x < 0 ? 0.0f : x;
    case RELU6:
      return relu6(x);
    case LEAKY_RELU:
      return x < 0 ? slope * x : x;
    case SIGMOID:
      return sigmoid(x);
    case SILU:
      return x / (1 + expf(-x));
    case HARD_SWISH:
      return x * relu6(x + 3) / 6;
    default:
      return relu6(x + 3) / 6;
  }
}

// The derivative, by the output for ReLU, ReLU6, leaky ReLU and sigmoid, by the input for the others.
__device__ inline float derivative(int function, float slope, float v) {
  switch (function) {
    case RELU:
      return v > 0 ? 1.0f : 0.0f;
    case RELU6:
      return v > 0 && v < 6 ? 1.0f : 0.0f;
    case LEAKY_RELU:
      return v > 0 ? 1.0f : slope;
    case SIGMOID:
      return v * (1 - v);
    case SILU:
      return sigmoid(v) * (1 + v * (1 - sigmoid(v)));
    case HARD_SWISH:
      return v <= -3 ? 0.0f : v < 3 ? v / 3 + 0.5f : 1.0f;
    default:
      return v > -3 && v < 3 ? 1 / 6.0f : 0.0f;
  }
}

// y = f(x); y may be x.
template <typename T>
__device__ void activation(const T* x, T* y, int function, float slope, long long elements) {
  GRID_LOOP(i, elements) {
    store(y + i, activate(function, slope, load(x + i)));
  }
}

// dx = f' * dy, or added to dx. A gradient that is not finite does not get through a derivative of 0.
template <typename T>
__device__ void activationBackward(const T* v, const T* dy, T* dx, int function, float slope, int accumulate,
                                   long long elements) {
  GRID_LOOP(i, elements) {
    float factor = derivative(function, slope, load(v + i));
    float gradient = factor == 0 ? 0.0f : factor * load(dy + i);
    store(dx + i, accumulate ? load(dx + i) + gradient : gradient);
  }
}

// Mean over the hw pixels of each image and channel.
template <typename T>
__device__ void mean(const T* x, T* y, int n, int hw, int c) {
  GRID_LOOP(i, (long long)n * c) {
    const T* pixel = x + i / c * hw * c + i % c;
    float sum = 0;
    for (int p = 0; p < hw; p++) {
      sum += load(pixel + (long long)p * c);
    }
    store(y + i, sum / hw);
  }
}

template <typename T>
__device__ void meanBackward(const T* dy, T* dx, int n, int hw, int c, int accumulate) {
  GRID_LOOP(i, (long long)n * hw * c) {
    float gradient = load(dy + i / ((long long)hw * c) * c + i % c) / hw;
    store(dx + i, accumulate ? load(dx + i) + gradient : gradient);
  }
}

// Batch norm by given statistics: y = act((x - mean) / sqrt(var + eps) * gamma + beta + residual), residual may be null.
template <typename T>
__device__ void normApply(const T* x, const float* mean, const float* var, const float* gamma, const float* beta,
                          const T* residual, T* y, float eps, int rectify, int c, long long elements) {
  GRID_LOOP(i, elements) {
    int channel = (int)(i % c);
    float value = (load(x + i) - mean[channel]) / sqrtf(var[channel] + eps) * gamma[channel] + beta[channel];
    if (residual != nullptr) {
      value += load(residual + i);
    }
    store(y + i, rectify && value < 0 ? 0.0f : value);
  }
}

// Its backward: dz = dy where y > 0 (if rectified), dresidual = dz (if there is one), dx = dz * gamma / sqrt(var + eps).
template <typename T>
__device__ void normApplyBackward(const T* y, const T* dy, const float* var, const float* gamma, T* dresidual, T* dx,
                                  float eps, int rectify, int c, long long elements) {
  GRID_LOOP(i, elements) {
    int channel = (int)(i % c);
    float dz = rectify && !(load(y + i) > 0) ? 0.0f : load(dy + i);
    if (dresidual != nullptr) {
      store(dresidual + i, dz);
    }
    store(dx + i, dz * gamma[channel] / sqrtf(var[channel] + eps));
  }
}

// One block per channel: dgamma = sum dz * (x - mean) / sqrt(var + eps), dbeta = sum dz. Before normApplyBackward, which
// may overwrite dy.
template <typename T>
__device__ void normSums(const T* x, const T* y, const T* dy, const float* mean, const float* var, float* dgamma,
                         float* dbeta, float eps, int rectify, int c, int pixels) {
  for (int channel = blockIdx.x; channel < c; channel += gridDim.x) {
    double gamma = 0;
    double beta = 0;
    BLOCK_LOOP(p, pixels) {
      long long i = (long long)p * c + channel;
      float dz = rectify && !(load(y + i) > 0) ? 0.0f : load(dy + i);
      gamma += dz * (load(x + i) - mean[channel]);
      beta += dz;
    }
    gamma = blockSum(gamma);
    beta = blockSum(beta);
    if (threadIdx.x == 0) {
      dgamma[channel] = (float)(gamma / sqrt((double)var[channel] + eps));
      dbeta[channel] = (float)beta;
    }
  }
}

// One block per channel: sums over the pixels.
template <typename T>
__device__ void channelSums(const T* x, float* sums, int c, int pixels) {
  for (int channel = blockIdx.x; channel < c; channel += gridDim.x) {
    double sum = 0;
    BLOCK_LOOP(p, pixels) {
      sum += load(x + (long long)p * c + channel);
    }
    sum = blockSum(sum);
    if (threadIdx.x == 0) {
      sums[channel] = (float)sum;
    }
  }
}

// One block per channel: mean and biased variance of the batch, and the running statistics moved towards them by the
// share momentum, with the unbiased variance.
template <typename T>
__device__ void normStatistics(const T* x, float* mean, float* var, float* runningMean, float* runningVar,
                               float momentum, int c, int pixels) {
  for (int channel = blockIdx.x; channel < c; channel += gridDim.x) {
    double sum = 0;
    BLOCK_LOOP(p, pixels) {
      sum += load(x + (long long)p * c + channel);
    }
    double center = blockSum(sum) / pixels;
    double squares = 0;
    BLOCK_LOOP(p, pixels) {
      double distance = load(x + (long long)p * c + channel) - center;
      squares += distance * distance;
    }
    squares = blockSum(squares);
    if (threadIdx.x == 0) {
      mean[channel] = (float)center;
      var[channel] = (float)(squares / pixels);
      runningMean[channel] += momentum * ((float)center - runningMean[channel]);
      runningVar[channel] += momentum * ((float)(squares / (pixels - 1)) - runningVar[channel]);
    }
  }
}

// Backward of a batch norm by the batch's statistics; dgamma and dbeta come from normSums.
//   dz = dy where y > 0 (if rectified)     dresidual = dz (if there is one)
//   dx = gamma / sqrt(var + eps) * (dz - dbeta / m - (x - mean) / sqrt(var + eps) * dgamma / m)
template <typename T>
__device__ void normBackward(const T* x, const T* y, const T* dy, const float* mean, const float* var,
                             const float* gamma, const float* dgamma, const float* dbeta, T* dresidual, T* dx,
                             float eps, int rectify, int c, long long elements) {
  float m = (float)(elements / c);
  GRID_LOOP(i, elements) {
    int channel = (int)(i % c);
    float dz = rectify && !(load(y + i) > 0) ? 0.0f : load(dy + i);
    if (dresidual != nullptr) {
      store(dresidual + i, dz);
    }
    float inverse = 1 / sqrtf(var[channel] + eps);
    float normal = (load(x + i) - mean[channel]) * inverse;
    store(dx + i, gamma[channel] * inverse * (dz - dbeta[channel] / m - normal * dgamma[channel] / m));
  }
}

// y[...][k] += bias[k]
template <typename T>
__device__ void addBias(T* y, const float* bias, int k, long long elements) {
  GRID_LOOP(i, elements) {
    store(y + i, load(y + i) + bias[i % k]);
  }
}

template <typename T>
__device__ void widen(const T* from, float* to, long long elements) {
  GRID_LOOP(i, elements) {
    to[i] = load(from + i);
  }
}

// to = from, or to += from
template <typename T>
__device__ void narrow(const float* from, T* to, int accumulate, long long elements) {
  GRID_LOOP(i, elements) {
    store(to + i, accumulate ? load(to + i) + from[i] : from[i]);
  }
}

#define FOR_TYPE(T)                                                                                                     \
  extern "C" __global__ void input_##T(const uint8_t* pixels, const float* meanStd, int channels, int elements, T* y) { \
    input(pixels, meanStd, channels, elements, y);                                                                      \
  }                                                                                                                     \
  extern "C" __global__ void pack_##T(const float* from, T* to, int k, int c, int rs) {                                 \
    pack(from, to, k, c, rs);                                                                                           \
  }                                                                                                                     \
  extern "C" __global__ void unpack_##T(const T* from, float* to, int k, int c, int rs) {                               \
    unpack(from, to, k, c, rs);                                                                                         \
  }                                                                                                                     \
  extern "C" __global__ void fold_##T(const float* weight, const float* offset, const float* gamma, const float* beta,  \
                                      const float* mean, const float* var, float eps, T* packed, T* bias, int k, int c, \
                                      int rs) {                                                                         \
    fold(weight, offset, gamma, beta, mean, var, eps, packed, bias, k, c, rs);                                          \
  }                                                                                                                     \
  extern "C" __global__ void add_##T(const T* a, const T* b, T* y, long long elements) {                                \
    add(a, b, y, elements);                                                                                             \
  }                                                                                                                     \
  extern "C" __global__ void activation_##T(const T* x, T* y, int function, float slope, long long elements) {          \
    activation(x, y, function, slope, elements);                                                                        \
  }                                                                                                                     \
  extern "C" __global__ void activationBackward_##T(const T* v, const T* dy, T* dx, int function, float slope,          \
                                                    int accumulate, long long elements) {                               \
    activationBackward(v, dy, dx, function, slope, accumulate, elements);                                               \
  }                                                                                                                     \
  extern "C" __global__ void mean_##T(const T* x, T* y, int n, int hw, int c) {                                         \
    mean(x, y, n, hw, c);                                                                                               \
  }                                                                                                                     \
  extern "C" __global__ void meanBackward_##T(const T* dy, T* dx, int n, int hw, int c, int accumulate) {               \
    meanBackward(dy, dx, n, hw, c, accumulate);                                                                         \
  }                                                                                                                     \
  extern "C" __global__ void normApply_##T(const T* x, const float* mean, const float* var, const float* gamma,         \
                                           const float* beta, const T* residual, T* y, float eps, int rectify, int c,   \
                                           long long elements) {                                                        \
    normApply(x, mean, var, gamma, beta, residual, y, eps, rectify, c, elements);                                       \
  }                                                                                                                     \
  extern "C" __global__ void normApplyBackward_##T(const T* y, const T* dy, const float* var, const float* gamma,       \
                                                   T* dresidual, T* dx, float eps, int rectify, int c,                  \
                                                   long long elements) {                                                \
    normApplyBackward(y, dy, var, gamma, dresidual, dx, eps, rectify, c, elements);                                     \
  }                                                                                                                     \
  extern "C" __global__ void normSums_##T(const T* x, const T* y, const T* dy, const float* mean, const float* var,     \
                                          float* dgamma, float* dbeta, float eps, int rectify, int c, int pixels) {     \
    normSums(x, y, dy, mean, var, dgamma, dbeta, eps, rectify, c, pixels);                                              \
  }                                                                                                                     \
  extern "C" __global__ void channelSums_##T(const T* x, float* sums, int c, int pixels) {                              \
    channelSums(x, sums, c, pixels);                                                                                    \
  }                                                                                                                     \
  extern "C" __global__ void normStatistics_##T(const T* x, float* mean, float* var, float* runningMean,                \
                                                float* runningVar, float momentum, int c, int pixels) {                 \
    normStatistics(x, mean, var, runningMean, runningVar, momentum, c, pixels);                                         \
  }                                                                                                                     \
  extern "C" __global__ void normBackward_##T(const T* x, const T* y, const T* dy, const float* mean, const float* var, \
                                              const float* gamma, const float* dgamma, const float* dbeta,              \
                                              T* dresidual, T* dx, float eps, int rectify, int c,                       \
                                              long long elements) {                                                     \
    normBackward(x, y, dy, mean, var, gamma, dgamma, dbeta, dresidual, dx, eps, rectify, c, elements);                  \
  }                                                                                                                     \
  extern "C" __global__ void addBias_##T(T* y, const float* bias, int k, long long elements) {                          \
    addBias(y, bias, k, elements);                                                                                      \
  }                                                                                                                     \
  extern "C" __global__ void widen_##T(const T* from, float* to, long long elements) {                                  \
    widen(from, to, elements);                                                                                          \
  }                                                                                                                     \
  extern "C" __global__ void narrow_##T(const float* from, T* to, int accumulate, long long elements) {                 \
    narrow(from, to, accumulate, elements);                                                                             \
  }

FOR_TYPE(float)
FOR_TYPE(bf16)
FOR_TYPE(f16)

// dbias[k] = sum over n of dy[n][k]
extern "C" __global__ void biasGradient(const float* dy, float* dbias, int n, int k) {
  GRID_LOOP(i, k) {
    float sum = 0;
    for (int row = 0; row < n; row++) {
      sum += dy[(long long)row * k + i];
    }
    dbias[i] = sum;
  }
}

// Softmax cross-entropy, one block per image; the formulas are in docs/derivations/cross-entropy.md. head holds the factor
// of the gradient, then label smoothing, then the class weights; each image writes its share of the loss and whether its
// largest logit, the first one of equals, is at the label.
extern "C" __global__ void crossEntropy(const float* z, const int* labels, const double* head, float* dz, double* losses,
                                        int* hits, int n, int classes) {
  double factor = head[0];
  double smoothing = head[1];
  const double* weights = head + 2;
  double total = 0;
  BLOCK_LOOP(i, n) {
    total += weights[labels[i]];
  }
  total = blockSum(total);
  for (int row = blockIdx.x; row < n; row += gridDim.x) {
    const float* logits = z + (long long)row * classes;
    int label = labels[row];
    // The largest logit, found by thread 0's share of a tree over the block.
    SHARED float bestValues[1024];
    SHARED int bestClasses[1024];
    float bestValue = 0;
    int bestClass = -1;
    BLOCK_LOOP(k, classes) {
      if (bestClass < 0 || logits[k] > bestValue) {
        bestValue = logits[k];
        bestClass = k;
      }
    }
    bestValues[threadIdx.x] = bestValue;
    bestClasses[threadIdx.x] = bestClass;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
      if ((int)threadIdx.x < half) {
        int other = bestClasses[threadIdx.x + half];
        int mine = bestClasses[threadIdx.x];
        float value = bestValues[threadIdx.x + half];
        bool better = other >= 0 && (mine < 0 || value > bestValues[threadIdx.x] ||
                                     (value == bestValues[threadIdx.x] && other < mine));
        if (better) {
          bestValues[threadIdx.x] = value;
          bestClasses[threadIdx.x] = other;
        }
      }
      __syncthreads();
    }
    float largest = bestValues[0];
    int best = bestClasses[0];
    __syncthreads();
    double sum = 0;
    double targets = 0;
    BLOCK_LOOP(k, classes) {
      sum += exp((double)logits[k] - largest);
      targets += weights[k] * ((k == label ? 1.0 - smoothing : 0.0) + smoothing / classes);
    }
    sum = blockSum(sum);
    targets = blockSum(targets);
    double logSum = largest + log(sum);
    double loss = 0;
    BLOCK_LOOP(k, classes) {
      double target = weights[k] * ((k == label ? 1.0 - smoothing : 0.0) + smoothing / classes);
      double logProbability = logits[k] - logSum;
      // A class that is no target costs nothing even at a logit of -infinity, where 0 * infinity would be NaN.
      loss -= target == 0 ? 0 : target * logProbability;
      dz[(long long)row * classes + k] = (float)(factor * (exp(logProbability) * targets - target) / total);
    }
    loss = blockSum(loss);
    if (threadIdx.x == 0) {
      losses[row] = loss / total;
      hits[row] = best == label ? 1 : 0;
    }
  }
}

// The objectives with a value per output, one block per image. head holds the factor of the gradient, then 1 for a seed s
// (loss sum s * z, gradient s) or 0 for targets t (loss mean (z - t)^2, gradient 2 (z - t) / count). Nothing counts as a hit.
extern "C" __global__ void valueLoss(const float* z, const float* values, const double* head, float* dz, double* losses,
                                     int* hits, int n, int outputs) {
  double factor = head[0];
  bool seed = head[1] != 0;
  double count = (double)n * outputs;
  for (int row = blockIdx.x; row < n; row += gridDim.x) {
    double loss = 0;
    BLOCK_LOOP(k, outputs) {
      long long i = (long long)row * outputs + k;
      double value = values[i];
      double off = z[i] - value;
      loss += seed ? value * z[i] : off * off / count;
      dz[i] = (float)(factor * (seed ? value : 2 * off / count));
    }
    loss = blockSum(loss);
    if (threadIdx.x == 0) {
      losses[row] = loss;
      hits[row] = 0;
    }
  }
}

// result[0] = sum of losses, result[1] = number of hits; one block.
extern "C" __global__ void lossSums(const double* losses, const int* hits, double* result, int n) {
  double loss = 0;
  double correct = 0;
  BLOCK_LOOP(i, n) {
    loss += losses[i];
    correct += hits[i];
  }
  loss = blockSum(loss);
  correct = blockSum(correct);
  if (threadIdx.x == 0) {
    result[0] = loss;
    result[1] = correct;
  }
}

// partial[block] = sum of squares of its elements
extern "C" __global__ void squares(const float* values, double* partial, long long elements) {
  double sum = 0;
  GRID_LOOP(i, elements) {
    sum += (double)values[i] * values[i];
  }
  sum = blockSum(sum);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
  }
}

// result[0] = result[0] * keep + sum of partial; one block.
extern "C" __global__ void sumUp(const double* partial, double* result, int count, int keep) {
  double sum = 0;
  BLOCK_LOOP(i, count) {
    sum += partial[i];
  }
  sum = blockSum(sum);
  if (threadIdx.x == 0) {
    result[0] = (keep ? result[0] : 0.0) + sum;
  }
}

// constants of a step: rate, gradient scale, beta2 (momentum), 1 - beta1, 1 - beta2, eps, sqrt(1 - beta2^t), decay, shrink
//   g = scale * grad + decay * p     p = shrink * p     m += (1 - beta1)(g - m)     v = beta2 * v + (1 - beta2) g^2
//   p -= rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
extern "C" __global__ void adam(float* p, const float* g, float* m, float* v, const float* constants,
                                long long elements) {
  float rate = constants[0];
  float scale = constants[1];
  float beta2 = constants[2];
  float share1 = constants[3];
  float share2 = constants[4];
  float eps = constants[5];
  float root = constants[6];
  float decay = constants[7];
  float shrink = constants[8];
  GRID_LOOP(i, elements) {
    float gradient = g[i] * scale + decay * p[i];
    float mean = m[i] + share1 * (gradient - m[i]);
    float square = beta2 * v[i] + share2 * gradient * gradient;
    m[i] = mean;
    v[i] = square;
    p[i] = p[i] * shrink - rate * mean / (sqrtf(square) / root + eps);
  }
}

//   g = scale * grad + decay * p     m = momentum * m + g     p -= rate * m
extern "C" __global__ void sgd(float* p, const float* g, float* m, const float* constants, long long elements) {
  float rate = constants[0];
  float scale = constants[1];
  float momentum = constants[2];
  float decay = constants[7];
  GRID_LOOP(i, elements) {
    m[i] = momentum * m[i] + (g[i] * scale + decay * p[i]);
    p[i] -= rate * m[i];
  }
}
