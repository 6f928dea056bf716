// Kernels of int8 inference: what stands around cuDNN's convolutions of signed bytes.
//
// Activations are n h w c, one byte each. Those that stand for -128 to 127 are kept as they are; those that stand for 0 to
// 255 are kept 128 lower, because tensor cores are given signed bytes. The order of values stays the same, so a maximum is
// a maximum; sums of products differ by 128 times the sum of the weights that they meet, which the bias makes up for.
#pragma once
#include "activation.h"
#include "common.h"

// Byte j of a word.
__device__ inline int byteOf(uint32_t word, int j) {
  return (signed char)(word >> 8 * j & 255);
}

// The larger ones of four bytes with signs.
__device__ inline uint32_t larger(uint32_t a, uint32_t b) {
#ifdef __CUDACC_RTC__
  return __vmaxs4(a, b);
#else
  uint32_t made = 0;
  for (int j = 0; j < 4; j++) {
    int byte = byteOf(a, j) > byteOf(b, j) ? byteOf(a, j) : byteOf(b, j);
    made |= (uint32_t)(byte & 255) << 8 * j;
  }
  return made;
#endif
}

// To the nearest byte with a sign, halves to even.
__device__ inline uint32_t toByte(float value) {
  float rounded = rintf(value);
  rounded = rounded < -128 ? -128.0f : rounded > 127 ? 127.0f : rounded;
  return (uint32_t)(int)rounded & 255;
}

// sum + four products. The bytes of x are `zero` lower than what they stand for, 0 or 128; those of w are what they are.
__device__ inline int dot4(uint32_t x, uint32_t w, int zero, int sum) {
#ifdef __CUDACC_RTC__
  int made;
  if (zero == 0) {
    asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(made) : "r"(x), "r"(w), "r"(sum));
  } else {
    asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(made) : "r"(x ^ 0x80808080u), "r"(w), "r"(sum));
  }
  return made;
#else
  for (int j = 0; j < 4; j++) {
    sum += (byteOf(x, j) + zero) * byteOf(w, j);
  }
  return sum;
#endif
}

// Pixels through a table of 256 bytes per channel, sixteen at a time.
extern "C" __global__ void __launch_bounds__(256, 6)
    inputBytes(const uint8_t* pixels, const uint8_t* table, int channels, long long elements, uint8_t* y) {
  const int most = 4;
  SHARED uint8_t found[most * 256];
  if (channels <= most) {
    BLOCK_LOOP(i, channels * 256) {
      found[i] = table[i];
    }
  }
  __syncthreads();
  long long whole = channels <= most ? vectors(elements, 16, pixels, y) : 0;
  GRID_LOOP(i, whole) {
    Words loaded = loadWords(pixels + 16 * i);
    Words made;
    int c = (int)(16 * i % channels);
    UNROLL
    for (int j = 0; j < 16; j++) {
      uint32_t byte = found[c * 256 + (loaded.at[j / 4] >> 8 * (j % 4) & 255)];
      made.at[j / 4] = j % 4 == 0 ? byte : made.at[j / 4] | byte << 8 * (j % 4);
      c = c + 1 == channels ? 0 : c + 1;
    }
    storeWords(y + 16 * i, made);
  }
  GRID_LOOP(i, elements - 16 * whole) {
    long long at = 16 * whole + i;
    y[at] = table[256 * (at % channels) + pixels[at]];
  }
}

// Channels of each pixel to `to` channels, a multiple of four, of which those beyond are 0.
extern "C" __global__ void widenPixels(const uint8_t* x, uint32_t* y, int channels, int to, long long words) {
  GRID_LOOP(i, words) {
    int first = (int)(4 * i % to);
    const uint8_t* pixel = x + 4 * i / to * channels;
    uint32_t made = 0;
    UNROLL
    for (int j = 0; j < 4; j++) {
      made |= first + j < channels ? (uint32_t)pixel[first + j] << 8 * j : 0u;
    }
    y[i] = made;
  }
}

// Largest of the block's values, which are not negative; all threads get it. blockDim.x is a power of two of at most 1024.
__device__ inline float blockMax(float value) {
  SHARED float values[1024];
  values[threadIdx.x] = value;
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    if ((int)threadIdx.x < half) {
      float other = values[threadIdx.x + half];
      values[threadIdx.x] = other > values[threadIdx.x] ? other : values[threadIdx.x];
    }
    __syncthreads();
  }
  float largest = values[0];
  __syncthreads();
  return largest;
}

// Where a filter's weight lies: filter by filter as k r s c, or, for convBytes, that many channels of one filter side by side
// and then those of the next.
__device__ inline long long weightAt(int f, int k, int tap, int taps, int channel, int channels, int together) {
  return together == 0 ? ((long long)f * taps + tap) * channels + channel
                       : (((long long)tap * (channels / together) + channel / together) * k + f) * together +
                             channel % together;
}

// A batch norm folded into filters, these rounded to -127 to 127 with a scale of their own each; one block per filter.
//   weights[f] = round(w'[f] / scale[f])   w'[f] = w[f] gamma / sqrt(var + eps)   scale[f] = max |w'[f]| / 127
//   factors[f] = input / unit * scale[f]: what a sum of products is multiplied with, to be in units of the output
//   offsets[f] = (beta + (offset - mean) gamma / sqrt(var + eps)) / unit, offset may be null
// Filters have `to` channels, of which those beyond c are 0.
extern "C" __global__ void foldBytes(const float* weight, const float* offset, const float* gamma, const float* beta,
                                     const float* mean, const float* var, double eps, double input, double unit,
                                     signed char* weights, float* factors, float* offsets, int k, int c, int to, int rs,
                                     int together) {
  for (int f = blockIdx.x; f < k; f += gridDim.x) {
    double fold = gamma[f] / sqrt(var[f] + eps);
    const float* filter = weight + (long long)f * c * rs;
    float mine = 0;
    BLOCK_LOOP(i, c * rs) {
      float folded = (float)(filter[i] * fold);
      float magnitude = folded < 0 ? -folded : folded;
      mine = magnitude > mine ? magnitude : mine;
    }
    float largest = blockMax(mine);
    // A filter of zeros stays one with any scale.
    double scale = largest == 0 ? 1 : (double)largest / 127;
    BLOCK_LOOP(i, to * rs) {
      int channel = i % to;
      double value = channel < c ? rint((float)(filter[channel * rs + i / to] * fold) / scale) : 0;
      weights[weightAt(f, k, i / to, rs, channel, to, together)] = (signed char)value;
    }
    if (threadIdx.x == 0) {
      factors[f] = (float)(input * scale / unit);
      double shift = offset == nullptr ? -(double)mean[f] : (double)offset[f] - mean[f];
      offsets[f] = (float)((float)(beta[f] + shift * fold) / unit);
    }
  }
}

// How windows of `size` taps lie along one side of an image of `extent` pixels.
struct Side {
  int extent;
  int size;
  int stride;
  int padding;
  int dilation;
};

// The pixel under a tap; negative outside of the image.
__device__ inline int under(Side side, int position, int tap) {
  int at = position * side.stride - side.padding + tap * side.dilation;
  return at < side.extent ? at : -1;
}

// bias[p][q][f] = offsets[f] + shift + zero factors[f] (sum of the weights that lie within the image at p, q): cuDNN pads
// with the byte 0, which stands for `zero`, where 0 was meant.
extern "C" __global__ void biasBytes(const signed char* weights, const float* factors, const float* offsets, float* bias,
                                     int zero, float shift, int k, int channels, int p, int q, int h, int w, int r, int s,
                                     int strideH, int strideW, int padH, int padW, int dilationH, int dilationW) {
  Side rows = {h, r, strideH, padH, dilationH};
  Side columns = {w, s, strideW, padW, dilationW};
  GRID_LOOP(i, (long long)p * q * k) {
    int f = (int)(i % k);
    int sum = 0;
    for (int tap = 0; zero != 0 && tap < r * s; tap++) {
      if (under(rows, (int)(i / k / q), tap / s) >= 0 && under(columns, (int)(i / k % q), tap % s) >= 0) {
        const signed char* row = weights + ((long long)f * r * s + tap) * channels;
        for (int c = 0; c < channels; c++) {
          sum += row[c];
        }
      }
    }
    bias[i] = (float)((double)offsets[f] + shift + (double)zero * sum * factors[f]);
  }
}

// What follows the sums of a convolution: y = round(scale act(sum factors[f] + bias[f] + share residual)) - lowered
struct Tail {
  const float* factors;
  const float* bias;
  const signed char* residual;
  float share;
  int function;
  float slope;
  float scale;
  int lowered;

  __device__ uint32_t stored(int sum, int f, long long at) const {
    float value = sum * factors[f] + bias[f];
    if (residual != nullptr) {
      value += share * residual[at];
    }
    value = function == 0 ? value : activate(function, slope, value);
    return toByte(value * scale - lowered);
  }
};

// A convolution in groups: a filter sees `seen` channels, and `per` filters see the same ones. Bytes of x stand for zero
// more than they are. A thread makes four channels of a pixel where they see one channel each or share their group's,
// otherwise one.
extern "C" __global__ void __launch_bounds__(256, 4)
    convBytes(const signed char* x, const signed char* weights, const float* factors, const float* bias,
              const signed char* residual, signed char* y, int h, int w, int c, int p, int q, int k, int r, int s,
              int strideH, int strideW, int padH, int padW, int dilationH, int dilationW, int seen, int per, int zero,
              float share, int function, float slope, float scale, int lowered, long long elements) {
  Side rows = {h, r, strideH, padH, dilationH};
  Side columns = {w, s, strideW, padW, dilationW};
  Tail tail = {factors, bias, residual, share, function, slope, scale, lowered};
  int together = seen % 4 == 0 ? 4 : 1;
  bool depthwise = seen == 1 && per == 1;
  int width = k % 4 == 0 && (depthwise || (together == 4 && per % 4 == 0)) ? 4 : 1;
  GRID_LOOP(i, elements / width) {
    long long first = i * width;
    int f = (int)(first % k);
    int column = (int)(first / k % q);
    int row = (int)(first / k / q % p);
    const signed char* image = x + first / k / q / p * h * w * c + f / per * seen;
    int sums[4] = {};
    for (int a = 0; a < r; a++) {
      for (int b = 0; b < s; b++) {
        int down = under(rows, row, a);
        int across = under(columns, column, b);
        if (down < 0 || across < 0) {
          continue;
        }
        const signed char* pixel = image + ((long long)down * w + across) * c;
        const signed char* filter = weights + weightAt(f, k, a * s + b, r * s, 0, seen, together);
        if (width == 1) {
          for (int e = 0; e < seen; e++) {
            sums[0] += (pixel[e] + zero) * filter[(long long)(e / together) * k * together + e % together];
          }
        } else if (depthwise) {
          uint32_t word = *(const uint32_t*)pixel;
          uint32_t taps = *(const uint32_t*)filter;
          UNROLL
          for (int j = 0; j < 4; j++) {
            sums[j] += (byteOf(word, j) + zero) * byteOf(taps, j);
          }
        } else {
          for (int e = 0; e < seen; e += 4) {
            uint32_t word = *(const uint32_t*)(pixel + e);
            Words taps = loadWords(filter + (long long)e * k);
            UNROLL
            for (int j = 0; j < 4; j++) {
              sums[j] = dot4(word, taps.at[j], zero, sums[j]);
            }
          }
        }
      }
    }
    if (width == 1) {
      y[first] = (signed char)tail.stored(sums[0], f, first);
    } else {
      uint32_t made = 0;
      UNROLL
      for (int j = 0; j < 4; j++) {
        made |= tail.stored(sums[j], f + j, first + j) << 8 * j;
      }
      *(uint32_t*)(y + first) = made;
    }
  }
}

// y = round(x s unit) - lowered. s has a value per element (span is c), or per channel of each span elements; bytes of x
// stand for zero more than they are.
extern "C" __global__ void __launch_bounds__(256, 6)
    multiplyBytes(const uint8_t* x, const float* s, uint8_t* y, long long span, int c, int zero, float unit, int lowered,
                  long long elements) {
  long long whole = vectors(elements, 16, x, y);
  GRID_LOOP(i, whole) {
    Words loaded = loadWords(x + 16 * i);
    Words made;
    const float* factors = s + 16 * i / span * c;
    long long left = span - 16 * i % span;
    int channel = (int)(16 * i % c);
    UNROLL
    for (int j = 0; j < 16; j++) {
      uint32_t byte = toByte((byteOf(loaded.at[j / 4], j % 4) + zero) * factors[channel] * unit - lowered);
      made.at[j / 4] = j % 4 == 0 ? byte : made.at[j / 4] | byte << 8 * (j % 4);
      channel = channel + 1 == c ? 0 : channel + 1;
      if (--left == 0) {
        left = span;
        factors += c;
      }
    }
    storeWords(y + 16 * i, made);
  }
  GRID_LOOP(i, elements - 16 * whole) {
    long long at = 16 * whole + i;
    y[at] = (uint8_t)toByte((byteOf(x[at], 0) + zero) * s[at / span * c + at % c] * unit - lowered);
  }
}

// A window of a max pool, cut at the edges of the image.
struct Cut {
  int row;
  int rows;
  int column;
  int columns;
};

__device__ inline Cut cut(long long pixel, int h, int w, int p, int q, int size, int stride, int padding) {
  int row = (int)(pixel / q % p) * stride - padding;
  int column = (int)(pixel % q) * stride - padding;
  return {row < 0 ? 0 : row, row + size < h ? row + size : h, column < 0 ? 0 : column,
          column + size < w ? column + size : w};
}

// Largest byte of each window; padding never wins. Sixteen channels at a time where they divide c.
extern "C" __global__ void maxPoolBytes(const signed char* x, signed char* y, int h, int w, int c, int p, int q, int size,
                                        int stride, int padding, long long elements) {
  long long whole = c % 16 == 0 ? vectors(elements, 16, x, y) : 0;
  GRID_LOOP(i, whole) {
    long long pixel = 16 * i / c;
    Cut window = cut(pixel, h, w, p, q, size, stride, padding);
    const signed char* image = x + pixel / ((long long)p * q) * h * w * c + 16 * i % c;
    Words largest = {{0x80808080u, 0x80808080u, 0x80808080u, 0x80808080u}};
    for (int r = window.row; r < window.rows; r++) {
      for (int s = window.column; s < window.columns; s++) {
        Words read = loadWords(image + ((long long)r * w + s) * c);
        UNROLL
        for (int j = 0; j < 4; j++) {
          largest.at[j] = larger(largest.at[j], read.at[j]);
        }
      }
    }
    storeWords(y + 16 * i, largest);
  }
  GRID_LOOP(i, elements - 16 * whole) {
    long long pixel = i / c;
    Cut window = cut(pixel, h, w, p, q, size, stride, padding);
    const signed char* image = x + pixel / ((long long)p * q) * h * w * c + i % c;
    int largest = -128;
    for (int r = window.row; r < window.rows; r++) {
      for (int s = window.column; s < window.columns; s++) {
        int value = image[((long long)r * w + s) * c];
        largest = value > largest ? value : largest;
      }
    }
    y[i] = (signed char)largest;
  }
}

// Mean over h and w of what the bytes stand for, of four channels at a time where they divide c.
extern "C" __global__ void meanBytes(const signed char* x, float* y, int n, int hw, int c, int zero, float scale) {
  int width = c % 4 == 0 ? 4 : 1;
  GRID_LOOP(i, (long long)n * c / width) {
    long long first = i * width;
    const signed char* pixel = x + first / c * hw * c + first % c;
    int sum[4] = {};
    for (int p = 0; p < hw; p++) {
      const signed char* at = pixel + (long long)p * c;
      if (width == 4) {
        uint32_t word = *(const uint32_t*)at;
        UNROLL
        for (int j = 0; j < 4; j++) {
          sum[j] += byteOf(word, j);
        }
      } else {
        sum[0] += *at;
      }
    }
    for (int j = 0; j < width; j++) {
      y[first + j] = (float)(sum[j] + hw * zero) / hw * scale;
    }
  }
}
