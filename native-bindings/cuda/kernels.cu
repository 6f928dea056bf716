// Kernels for what cuDNN and cuBLASLt do not do: packing of weights, elementwise work, norms, the loss and the optimizers.
//
// Every kernel loops over its elements with a stride of the whole grid (or block), so it is right for any launch, down to
// one block of one thread. host.h uses that: it compiles this same text as C++ for tests without a GPU.
//
// Activations are float, bf16 or f16 in memory and float in registers. Layouts: activations n h w c, filters in the
// parameter arena k c r s, filters for cuDNN k r s c.

#include "common.h"
#include "activation.h"
#include "norm.h"
#include "bytes.h"

// y = (pixel / 255 - mean[c]) / std[c]; meanStd holds the means, then the deviations.
__device__ inline float normalised(int pixel, const float* meanStd, int channels, int c) {
  return (pixel / 255.0f - meanStd[c]) / meanStd[channels + c];
}

// Sixteen values at a time. A byte has but 256 values: each block divides once for each, then looks up.
template <typename T>
__device__ void input(const uint8_t* pixels, const float* meanStd, int channels, int elements, T* y) {
  const int most = 4;
  SHARED float table[most * 256];
  if (channels <= most) {
    BLOCK_LOOP(i, channels * 256) {
      table[i] = normalised(i % 256, meanStd, channels, i / 256);
    }
  }
  __syncthreads();
  int vectors = channels <= most ? elements / 16 : 0;
  GRID_LOOP(i, vectors) {
    Words loaded = loadWords(pixels + 16 * i);
    int c = (int)(16 * i % channels);
    UNROLL
    for (int half = 0; half < 2; half++) {
      float value[8];
      UNROLL
      for (int j = 0; j < 8; j++) {
        value[j] = table[c * 256 + (loaded.at[2 * half + j / 4] >> 8 * (j % 4) & 255)];
        c = c + 1 == channels ? 0 : c + 1;
      }
      store8(y + 16 * i + 8 * half, value);
    }
  }
  GRID_LOOP(i, elements - 16 * vectors) {
    int at = 16 * vectors + (int)i;
    store(y + at, normalised(pixels[at], meanStd, channels, at % channels));
  }
}

// Filters of one convolution among all that a launch moves, from the arena (k c r s, float) to the layout of engines (k r s
// c, T) or back; first counts their vectors of eight elements, in the order of what is written, among those of all.
struct Segment {
  const void* from;
  void* to;
  long long first;
  int k;
  int c;
  int rs;
  int unused;
};

// The segment of a vector: the last that starts at or before it.
__device__ inline const Segment& segmentOf(const Segment* all, int count, long long vector) {
  int low = 0;
  int high = count - 1;
  while (low < high) {
    int middle = (low + high + 1) / 2;
    bool before = all[middle].first <= vector;
    low = before ? middle : low;
    high = before ? high : middle - 1;
  }
  return all[low];
}

// Eight elements of what is written, at most those that there are.
template <typename T>
__device__ inline void storeSome(T* to, const float (&values)[8], long long left) {
  if (left >= 8) {
    store8(to, values);
  } else {
    for (int j = 0; j < left; j++) {
      store(to + j, values[j]);
    }
  }
}

// k c r s -> k r s c. A 1x1 filter is moved as it lies; of others a thread reads the same place of eight channels.
template <typename T>
__device__ void pack(const Segment* all, int count, long long vectors) {
  GRID_LOOP(v, vectors) {
    const Segment& s = segmentOf(all, count, v);
    const float* from = (const float*)s.from;
    long long begin = (v - s.first) * 8;
    long long size = (long long)s.c * s.rs;
    long long left = s.k * size - begin;
    float values[8] = {};
    if (s.rs == 1 && left >= 8) {
      widen8(load8(from + begin), values);
    } else {
      long long filter = begin / size;
      int place = (int)(begin % size) / s.c;
      int channel = (int)(begin % size) % s.c;
      for (int j = 0; j < 8 && j < left; j++) {
        values[j] = from[filter * size + (long long)channel * s.rs + place];
        channel = channel + 1 == s.c ? 0 : channel + 1;
        place += channel == 0;
        filter += place == s.rs;
        place = place == s.rs ? 0 : place;
      }
    }
    storeSome((T*)s.to + begin, values, left);
  }
}

// k r s c -> k c r s
template <typename T>
__device__ void unpack(const Segment* all, int count, long long vectors) {
  GRID_LOOP(v, vectors) {
    const Segment& s = segmentOf(all, count, v);
    const T* from = (const T*)s.from;
    long long begin = (v - s.first) * 8;
    long long size = (long long)s.c * s.rs;
    long long left = s.k * size - begin;
    float values[8] = {};
    if (s.rs == 1 && left >= 8) {
      widen8(load8(from + begin), values);
    } else {
      long long filter = begin / size;
      int channel = (int)(begin % size) / s.rs;
      int place = (int)(begin % size) % s.rs;
      for (int j = 0; j < 8 && j < left; j++) {
        values[j] = load(from + filter * size + (long long)place * s.c + channel);
        place = place + 1 == s.rs ? 0 : place + 1;
        channel += place == 0;
        filter += channel == s.c;
        channel = channel == s.c ? 0 : channel;
      }
    }
    storeSome((float*)s.to + begin, values, left);
  }
}

// Blocks of 2x2 pixels as channels (space to depth): channel (2a+b)c+e of block i, j is channel e of pixel 2i+a-top,
// 2j+b-left; 0 outside of the image and in what is left of 16 channels. A thread writes eight of them.
template <typename T>
__device__ void block(const T* x, T* y, int n, int h, int w, int c, int top, int left, int rows, int columns) {
  GRID_LOOP(i, 2LL * n * rows * columns) {
    long long cell = i / 2;
    int row = (int)(cell / columns % rows);
    int column = (int)(cell % columns);
    const T* image = x + cell / columns / rows * h * w * c;
    float values[8];
    UNROLL
    for (int j = 0; j < 8; j++) {
      int channel = (int)(i % 2) * 8 + j;
      int pixel = channel / c;
      int at = 2 * row + pixel / 2 - top;
      int across = 2 * column + pixel % 2 - left;
      bool inside = pixel < 4 && at >= 0 && at < h && across >= 0 && across < w;
      values[j] = inside ? load(image + ((long long)at * w + across) * c + channel % c) : 0.0f;
    }
    store8(y + 8 * i, values);
  }
}

// k c r s -> filters over such blocks, k r/2 s/2 16
template <typename T>
__device__ void packBlocked(const float* from, T* to, int k, int c, int r, int s) {
  int columns = (s + 1) / 2;
  int taps = (r + 1) / 2 * columns;
  GRID_LOOP(i, (long long)k * taps * 16) {
    int channel = (int)(i % 16);
    int tap = (int)(i / 16 % taps);
    int pixel = channel / c;
    int row = tap / columns * 2 + pixel / 2;
    int column = tap % columns * 2 + pixel % 2;
    bool inside = pixel < 4 && row < r && column < s;
    store(to + i, inside ? from[((i / 16 / taps * c + channel % c) * r + row) * s + column] : 0.0f);
  }
}

// and back
template <typename T>
__device__ void unpackBlocked(const T* from, float* to, int k, int c, int r, int s) {
  int columns = (s + 1) / 2;
  int taps = (r + 1) / 2 * columns;
  GRID_LOOP(i, (long long)k * c * r * s) {
    int column = (int)(i % s);
    int row = (int)(i / s % r);
    int channel = (row % 2 * 2 + column % 2) * c + (int)(i / s / r % c);
    to[i] = load(from + (i / s / r / c * taps + row / 2 * columns + column / 2) * 16 + channel);
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
  each(a, b, y, 0, elements, [](float left, float right) { return left + right; });
}

// y = f(x); y may be x.
template <typename T>
__device__ void activation(const T* x, T* y, int function, float slope, long long elements) {
  each(x, y, 0, elements, [=](float value) { return activate(function, slope, value); });
}

// dx = f' * dy, or added to dx. A gradient that is not finite does not get through a derivative of 0.
template <typename T>
__device__ void activationBackward(const T* v, const T* dy, T* dx, int function, float slope, int accumulate,
                                   long long elements) {
  each(v, dy, dx, accumulate, elements, [=](float value, float gradient) {
    float factor = derivative(function, slope, value);
    return factor == 0 ? 0.0f : factor * gradient;
  });
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

// Channels of one tensor to another one's: to[p][toFirst + i] = from[p][fromFirst + i] for i < count, or added to it.
template <typename T>
__device__ void channels(const T* from, T* to, int fromChannels, int fromFirst, int toChannels, int toFirst, int count,
                         int accumulate, long long pixels) {
  GRID_LOOP(i, pixels * count) {
    long long pixel = i / count;
    int channel = (int)(i % count);
    float value = load(from + pixel * fromChannels + fromFirst + channel);
    T* target = to + pixel * toChannels + toFirst + channel;
    store(target, accumulate ? load(target) + value : value);
  }
}

// dx = dy at the channels of the slice, else 0; or added to dx.
template <typename T>
__device__ void sliceBackward(const T* dy, T* dx, int c, int first, int count, int accumulate, long long pixels) {
  GRID_LOOP(i, pixels * c) {
    int channel = (int)(i % c) - first;
    float gradient = channel >= 0 && channel < count ? load(dy + i / c * count + channel) : 0.0f;
    store(dx + i, accumulate ? load(dx + i) + gradient : gradient);
  }
}

// y[j * groups + g] = x[g * (c / groups) + j] in each pixel, or added to y.
template <typename T>
__device__ void shuffle(const T* x, T* y, int groups, int c, int accumulate, long long elements) {
  GRID_LOOP(i, elements) {
    int channel = (int)(i % c);
    float value = load(x + (i - channel) + channel % groups * (c / groups) + channel / groups);
    store(y + i, accumulate ? load(y + i) + value : value);
  }
}

// y = a * b, or added to y; b has a value per element (span is c), or per channel of each span elements.
template <typename T>
__device__ void multiply(const T* a, const T* b, T* y, long long span, int c, int accumulate, long long elements) {
  GRID_LOOP(i, elements) {
    float value = load(a + i) * load(b + i / span * c + i % c);
    store(y + i, accumulate ? load(y + i) + value : value);
  }
}

// ds[n][c] = sum over the pixels of dy * x, or added to ds.
template <typename T>
__device__ void multiplySums(const T* dy, const T* x, T* ds, int n, int hw, int c, int accumulate) {
  GRID_LOOP(i, (long long)n * c) {
    long long first = i / c * hw * c + i % c;
    float sum = 0;
    for (int p = 0; p < hw; p++) {
      sum += load(dy + first + (long long)p * c) * load(x + first + (long long)p * c);
    }
    store(ds + i, accumulate ? load(ds + i) + sum : sum);
  }
}

// y = factor * x, or added to y.
template <typename T>
__device__ void scale(const T* x, T* y, float factor, int accumulate, long long elements) {
  each(x, y, accumulate, elements, [=](float value) { return factor * value; });
}

// Output u of java.util.SplittableRandom from a key.
__device__ inline unsigned long long draw(unsigned long long key, long long u) {
  unsigned long long z = key + ((unsigned long long)u + 1) * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

// y = x * scale where the draw of the element's unit stays, else x * 0; or added to y.
template <typename T>
__device__ void dropout(const T* x, T* y, const unsigned long long* key, long long dropped, float scale, long long unit,
                        int accumulate, long long elements) {
  GRID_LOOP(i, elements) {
    bool stays = (long long)(draw(*key, i / unit) >> 32) >= dropped;
    float value = load(x + i) * (stays ? scale : 0.0f);
    store(y + i, accumulate ? load(y + i) + value : value);
  }
}

// Mean over windows; whole says that padding counts. Extents h w of x, p q of y.
template <typename T>
__device__ void average(const T* x, T* y, int n, int h, int w, int c, int p, int q, int kernel, int stride, int padding,
                        int whole) {
  GRID_LOOP(i, (long long)n * p * q * c) {
    int channel = (int)(i % c);
    int column = (int)(i / c % q) * stride - padding;
    int row = (int)(i / c / q % p) * stride - padding;
    const T* image = x + i / c / q / p * h * w * c;
    float sum = 0;
    int pixels = 0;
    for (int a = row < 0 ? 0 : row; a < row + kernel && a < h; a++) {
      for (int b = column < 0 ? 0 : column; b < column + kernel && b < w; b++) {
        sum += load(image + ((long long)a * w + b) * c + channel);
        pixels++;
      }
    }
    store(y + i, sum / (whole ? kernel * kernel : pixels));
  }
}

// Extent of a window within an image.
__device__ inline int within(int first, int kernel, int extent) {
  int end = first + kernel < extent ? first + kernel : extent;
  return end - (first < 0 ? 0 : first);
}

template <typename T>
__device__ void averageBackward(const T* dy, T* dx, int n, int h, int w, int c, int p, int q, int kernel, int stride,
                                int padding, int whole, int accumulate) {
  GRID_LOOP(i, (long long)n * h * w * c) {
    int channel = (int)(i % c);
    int column = (int)(i / c % w) + padding;
    int row = (int)(i / c / w % h) + padding;
    const T* image = dy + i / c / w / h * p * q * c;
    float sum = 0;
    for (int a = row < kernel ? 0 : (row - kernel) / stride + 1; a <= row / stride && a < p; a++) {
      for (int b = column < kernel ? 0 : (column - kernel) / stride + 1; b <= column / stride && b < q; b++) {
        int pixels = within(a * stride - padding, kernel, h) * within(b * stride - padding, kernel, w);
        sum += load(image + ((long long)a * q + b) * c + channel) / (whole ? kernel * kernel : pixels);
      }
    }
    store(dx + i, accumulate ? load(dx + i) + sum : sum);
  }
}

// y[n][p][q] = x[n][p / scale][q / scale]; w is that of x.
template <typename T>
__device__ void upsample(const T* x, T* y, int w, int c, int scale, long long elements) {
  GRID_LOOP(i, elements) {
    long long column = i / c % ((long long)w * scale);
    long long row = i / c / ((long long)w * scale);
    store(y + i, load(x + ((row / scale) * w + column / scale) * c + i % c));
  }
}

template <typename T>
__device__ void upsampleBackward(const T* dy, T* dx, int w, int c, int scale, int accumulate, long long elements) {
  GRID_LOOP(i, elements) {
    long long column = i / c % w * scale;
    long long row = i / c / w * scale;
    float sum = 0;
    for (int a = 0; a < scale; a++) {
      for (int b = 0; b < scale; b++) {
        sum += load(dy + ((row + a) * w * scale + column + b) * c + i % c);
      }
    }
    store(dx + i, accumulate ? load(dx + i) + sum : sum);
  }
}

// Place in an image of the largest z of a window: the first of equal ones, NaN before numbers.
template <typename T>
__device__ long long largest(const T* image, int h, int w, int c, int channel, int row, int column, int kernel) {
  long long best = -1;
  float value = 0;
  for (int a = row < 0 ? 0 : row; a < row + kernel && a < h; a++) {
    for (int b = column < 0 ? 0 : column; b < column + kernel && b < w; b++) {
      long long at = ((long long)a * w + b) * c + channel;
      float candidate = load(image + at);
      if (best < 0 || candidate > value || candidate != candidate) {
        best = at;
        value = candidate;
      }
    }
  }
  return best;
}

// y = x at the places of the maxima of z, else 0. Extents h w of y and z, p q of x.
template <typename T>
__device__ void unpool(const T* x, const T* z, T* y, int n, int h, int w, int c, int p, int q, int kernel, int stride,
                       int padding) {
  GRID_LOOP(i, (long long)n * h * w * c) {
    int channel = (int)(i % c);
    long long size = (long long)h * w * c;
    long long image = i / size;
    int a = ((int)(i / c / w % h) + padding) / stride;
    int b = ((int)(i / c % w) + padding) / stride;
    bool wins = a < p && b < q &&
                largest(z + image * size, h, w, c, channel, a * stride - padding, b * stride - padding, kernel) ==
                    i - image * size;
    store(y + i, wins ? load(x + ((image * p + a) * q + b) * c + channel) : 0.0f);
  }
}

template <typename T>
__device__ void unpoolBackward(const T* dy, const T* z, T* dx, int n, int h, int w, int c, int p, int q, int kernel,
                               int stride, int padding, int accumulate) {
  GRID_LOOP(i, (long long)n * p * q * c) {
    int channel = (int)(i % c);
    long long image = i / c / q / p * h * w * c;
    int row = (int)(i / c / q % p) * stride - padding;
    int column = (int)(i / c % q) * stride - padding;
    float gradient = load(dy + image + largest(z + image, h, w, c, channel, row, column, kernel));
    store(dx + i, accumulate ? load(dx + i) + gradient : gradient);
  }
}

#define FOR_TYPE(T)                                                                                                     \
  extern "C" __global__ void __launch_bounds__(256, 6)                                                                  \
      input_##T(const uint8_t* pixels, const float* meanStd, int channels, int elements, T* y) { \
    input(pixels, meanStd, channels, elements, y);                                                                      \
  }                                                                                                                     \
  extern "C" __global__ void __launch_bounds__(256, 4)                                                                  \
      pack_##T(const Segment* all, int count, long long vectors) {                                                      \
    pack<T>(all, count, vectors);                                                                                       \
  }                                                                                                                     \
  extern "C" __global__ void __launch_bounds__(256, 4)                                                                  \
      unpack_##T(const Segment* all, int count, long long vectors) {                                                    \
    unpack<T>(all, count, vectors);                                                                                     \
  }                                                                                                                     \
  extern "C" __global__ void __launch_bounds__(256, 6)                                                                  \
      block_##T(const T* x, T* y, int n, int h, int w, int c, int top, int left, int rows, int columns) {               \
    block(x, y, n, h, w, c, top, left, rows, columns);                                                                  \
  }                                                                                                                     \
  extern "C" __global__ void packBlocked_##T(const float* from, T* to, int k, int c, int r, int s) {                    \
    packBlocked(from, to, k, c, r, s);                                                                                  \
  }                                                                                                                     \
  extern "C" __global__ void unpackBlocked_##T(const T* from, float* to, int k, int c, int r, int s) {                  \
    unpackBlocked(from, to, k, c, r, s);                                                                                \
  }                                                                                                                     \
  extern "C" __global__ void fold_##T(const float* weight, const float* offset, const float* gamma, const float* beta,  \
                                      const float* mean, const float* var, float eps, T* packed, T* bias, int k, int c, \
                                      int rs) {                                                                         \
    fold(weight, offset, gamma, beta, mean, var, eps, packed, bias, k, c, rs);                                          \
  }                                                                                                                     \
  extern "C" __global__ void __launch_bounds__(256, 4)                                                                  \
      add_##T(const T* a, const T* b, T* y, long long elements) {                                                       \
    add(a, b, y, elements);                                                                                             \
  }                                                                                                                     \
  extern "C" __global__ void __launch_bounds__(256, 4)                                                                  \
      activation_##T(const T* x, T* y, int function, float slope, long long elements) {                                 \
    activation(x, y, function, slope, elements);                                                                        \
  }                                                                                                                     \
  extern "C" __global__ void __launch_bounds__(256, 4)                                                                  \
      activationBackward_##T(const T* v, const T* dy, T* dx, int function, float slope,                                 \
                                                    int accumulate, long long elements) {                               \
    activationBackward(v, dy, dx, function, slope, accumulate, elements);                                               \
  }                                                                                                                     \
  extern "C" __global__ void mean_##T(const T* x, T* y, int n, int hw, int c) {                                         \
    mean(x, y, n, hw, c);                                                                                               \
  }                                                                                                                     \
  extern "C" __global__ void meanBackward_##T(const T* dy, T* dx, int n, int hw, int c, int accumulate) {               \
    meanBackward(dy, dx, n, hw, c, accumulate);                                                                         \
  }                                                                                                                     \
  extern "C" __global__ void addBias_##T(T* y, const float* bias, int k, long long elements) {                          \
    addBias(y, bias, k, elements);                                                                                      \
  }                                                                                                                     \
  extern "C" __global__ void channels_##T(const T* from, T* to, int fromChannels, int fromFirst, int toChannels,        \
                                          int toFirst, int count, int accumulate, long long pixels) {                   \
    channels(from, to, fromChannels, fromFirst, toChannels, toFirst, count, accumulate, pixels);                        \
  }                                                                                                                     \
  extern "C" __global__ void sliceBackward_##T(const T* dy, T* dx, int c, int first, int count, int accumulate,         \
                                               long long pixels) {                                                      \
    sliceBackward(dy, dx, c, first, count, accumulate, pixels);                                                         \
  }                                                                                                                     \
  extern "C" __global__ void shuffle_##T(const T* x, T* y, int groups, int c, int accumulate, long long elements) {     \
    shuffle(x, y, groups, c, accumulate, elements);                                                                     \
  }                                                                                                                     \
  extern "C" __global__ void multiply_##T(const T* a, const T* b, T* y, long long span, int c, int accumulate,          \
                                          long long elements) {                                                         \
    multiply(a, b, y, span, c, accumulate, elements);                                                                   \
  }                                                                                                                     \
  extern "C" __global__ void multiplySums_##T(const T* dy, const T* x, T* ds, int n, int hw, int c, int accumulate) {   \
    multiplySums(dy, x, ds, n, hw, c, accumulate);                                                                      \
  }                                                                                                                     \
  extern "C" __global__ void __launch_bounds__(256, 4)                                                                  \
      scale_##T(const T* x, T* y, float factor, int accumulate, long long elements) {                                   \
    scale(x, y, factor, accumulate, elements);                                                                          \
  }                                                                                                                     \
  extern "C" __global__ void dropout_##T(const T* x, T* y, const unsigned long long* key, long long dropped,            \
                                         float scale, long long unit, int accumulate, long long elements) {             \
    dropout(x, y, key, dropped, scale, unit, accumulate, elements);                                                     \
  }                                                                                                                     \
  extern "C" __global__ void average_##T(const T* x, T* y, int n, int h, int w, int c, int p, int q, int kernel,        \
                                         int stride, int padding, int whole) {                                          \
    average(x, y, n, h, w, c, p, q, kernel, stride, padding, whole);                                                    \
  }                                                                                                                     \
  extern "C" __global__ void averageBackward_##T(const T* dy, T* dx, int n, int h, int w, int c, int p, int q,          \
                                                 int kernel, int stride, int padding, int whole, int accumulate) {      \
    averageBackward(dy, dx, n, h, w, c, p, q, kernel, stride, padding, whole, accumulate);                              \
  }                                                                                                                     \
  extern "C" __global__ void upsample_##T(const T* x, T* y, int w, int c, int scale, long long elements) {              \
    upsample(x, y, w, c, scale, elements);                                                                              \
  }                                                                                                                     \
  extern "C" __global__ void upsampleBackward_##T(const T* dy, T* dx, int w, int c, int scale, int accumulate,          \
                                                  long long elements) {                                                 \
    upsampleBackward(dy, dx, w, c, scale, accumulate, elements);                                                        \
  }                                                                                                                     \
  extern "C" __global__ void unpool_##T(const T* x, const T* z, T* y, int n, int h, int w, int c, int p, int q,         \
                                        int kernel, int stride, int padding) {                                          \
    unpool(x, z, y, n, h, w, c, p, q, kernel, stride, padding);                                                         \
  }                                                                                                                     \
  extern "C" __global__ void unpoolBackward_##T(const T* dy, const T* z, T* dx, int n, int h, int w, int c, int p,      \
                                                int q, int kernel, int stride, int padding, int accumulate) {           \
    unpoolBackward(dy, z, dx, n, h, w, c, p, q, kernel, stride, padding, accumulate);                                   \
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

// Softmax cross-entropy, one block per image; the formulas are in docs/derivations/cross-entropy.md. head holds label
// smoothing, then the class weights; scale multiplies the gradient; each image writes its share of the loss and whether its
// largest logit, the first one of equals, is at the label.
extern "C" __global__ void crossEntropy(const float* z, const int* labels, const double* head, float* dz,
                                        const double* scale, double* losses, int* hits, int n, int classes) {
  double factor = *scale;
  double smoothing = head[0];
  const double* weights = head + 1;
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

// The objectives with a value per output, one block per image. head holds 1 for a seed s (loss sum s * z, gradient s) or 0
// for targets t (loss mean (z - t)^2, gradient 2 (z - t) / count); scale multiplies the gradient. Nothing counts as a hit.
extern "C" __global__ void valueLoss(const float* z, const float* values, const double* head, float* dz, const double* scale,
                                     double* losses, int* hits, int n, int outputs) {
  double factor = *scale;
  bool seed = head[0] != 0;
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
extern "C" __global__ void __launch_bounds__(256, 6) squares(const float* values, double* partial, long long elements) {
  double sum = 0;
  long long whole = vectors(elements, 8, values);
  GRID_LOOP(i, whole) {
    float value[8];
    widen8(load8(values + 8 * i), value);
    UNROLL
    for (int j = 0; j < 8; j++) {
      sum += (double)value[j] * value[j];
    }
  }
  GRID_LOOP(i, elements - 8 * whole) {
    double last = values[elements - 1 - i];
    sum += last * last;
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

// A product that no compiler makes part of a fused multiply-add, so that it is the host's to the bit.
__device__ inline double product(double a, double b) {
#ifdef __CUDACC_RTC__
  return __dmul_rn(a, b);
#else
  volatile double exact = a * b;
  return exact;
#endif
}

// What became of an update, as UpdateReport.Outcome numbers it.
enum Outcome { UPDATED, SKIPPED, DIVERGED };

// Decides about an update as HostUpdates does, in the same order of operations; one block.
//
// request: batches, largest norm (0 for none), updates made before the first case, then nine constants for each case.
// state: good steps since the scale changed, updates made, whether a gradient was not finite.
// result: norm, outcome, updates made, scale, good steps, the last gradient that is not finite or -1.
// constants: those of the case that holds, with the gradients' factor, then 1 if there is an update.
// interval is 0 where the scale stays.
extern "C" __global__ void decideUpdate(const double* squares, float* constants, const float* gradients,
                                        long long elements, double* scale, const double* request, double* state,
                                        double* result, int interval, float largest) {
  SHARED double last[1024];
  SHARED int diverged;
  if (threadIdx.x == 0) {
    double factor = 1 / product(*scale, request[0]);
    double norm = product(sqrt(*squares), factor);
    bool finite = norm - norm == 0;
    int outcome = UPDATED;
    if (state[2] != 0) {
      outcome = DIVERGED;
    } else if (finite && interval > 0) {
      state[0] += 1;
      if (state[0] == interval) {
        *scale *= *scale < largest ? 2 : 1;
        state[0] = 0;
      }
    } else if (!finite && interval > 0 && *scale > 1) {
      outcome = SKIPPED;
      *scale /= 2;
      state[0] = 0;
    } else if (!finite) {
      outcome = DIVERGED;
      state[2] = 1;
    }
    if (outcome == UPDATED) {
      const double* held = request + 3 + 9 * (int)(state[1] - request[2]);
      if (request[1] > 0) {
        double clipped = request[1] / (norm + 1e-6);
        factor = product(factor, clipped < 1 ? clipped : 1);
      }
      for (int i = 0; i < 9; i++) {
        constants[i] = (float)held[i];
      }
      constants[1] = (float)factor;
      state[1] += 1;
    }
    constants[9] = outcome == UPDATED ? 1.0f : 0.0f;
    result[0] = norm;
    result[1] = outcome;
    result[2] = state[1];
    result[3] = *scale;
    result[4] = state[0];
    result[5] = -1;
    diverged = outcome == DIVERGED;
  }
  __syncthreads();
  if (!diverged) {
    return;
  }
  last[threadIdx.x] = -1;
  for (long long i = threadIdx.x; i < elements; i += blockDim.x) {
    if (gradients[i] - gradients[i] != 0) {
      last[threadIdx.x] = (double)i;
    }
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int i = 0; i < (int)blockDim.x; i++) {
      result[5] = last[i] > result[5] ? last[i] : result[5];
    }
  }
}

// constants of a step: rate, gradient scale, beta2 (momentum), 1 - beta1, 1 - beta2, eps, sqrt(1 - beta2^t), decay, shrink,
// and 0 where there is no update
struct Step {
  float rate;
  float scale;
  float beta2;
  float share1;
  float share2;
  float eps;
  float root;
  float decay;
  float shrink;

  __device__ Step(const float* c)
      : rate(c[0]), scale(c[1]), beta2(c[2]), share1(c[3]), share2(c[4]), eps(c[5]), root(c[6]), decay(c[7]),
        shrink(c[8]) {}

  //   g = scale * grad + decay * p     p = shrink * p     m += (1 - beta1)(g - m)     v = beta2 * v + (1 - beta2) g^2
  //   p -= rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
  __device__ void adam(float& p, float g, float& m, float& v) const {
    float gradient = g * scale + decay * p;
    m = m + share1 * (gradient - m);
    v = beta2 * v + share2 * gradient * gradient;
    p = p * shrink - rate * m / (sqrtf(v) / root + eps);
  }

  //   g = scale * grad + decay * p     m = momentum * m + g     p -= rate * m
  __device__ void sgd(float& p, float g, float& m) const {
    m = beta2 * m + (g * scale + decay * p);
    p -= rate * m;
  }
};

extern "C" __global__ void __launch_bounds__(256, 5)
    adam(float* p, const float* g, float* m, float* v, const float* constants, long long elements) {
  if (constants[9] == 0) {
    return;
  }
  Step step(constants);
  long long whole = vectors(elements, 4, p, g, m, v);
  GRID_LOOP(i, whole) {
    Four gradient = load4(g + 4 * i);
    Four parameter = load4(p + 4 * i);
    Four mean = load4(m + 4 * i);
    Four square = load4(v + 4 * i);
    UNROLL
    for (int j = 0; j < 4; j++) {
      step.adam(parameter.at[j], gradient.at[j], mean.at[j], square.at[j]);
    }
    store4(m + 4 * i, mean);
    store4(v + 4 * i, square);
    store4(p + 4 * i, parameter);
  }
  GRID_LOOP(i, elements - 4 * whole) {
    long long last = elements - 1 - i;
    step.adam(p[last], g[last], m[last], v[last]);
  }
}

extern "C" __global__ void __launch_bounds__(256, 5)
    sgd(float* p, const float* g, float* m, const float* constants, long long elements) {
  if (constants[9] == 0) {
    return;
  }
  Step step(constants);
  long long whole = vectors(elements, 4, p, g, m);
  GRID_LOOP(i, whole) {
    Four gradient = load4(g + 4 * i);
    Four parameter = load4(p + 4 * i);
    Four mean = load4(m + 4 * i);
    UNROLL
    for (int j = 0; j < 4; j++) {
      step.sgd(parameter.at[j], gradient.at[j], mean.at[j]);
    }
    store4(m + 4 * i, mean);
    store4(p + 4 * i, parameter);
  }
  GRID_LOOP(i, elements - 4 * whole) {
    long long last = elements - 1 - i;
    step.sgd(p[last], g[last], m[last]);
  }
}
