// cuDNN's backend API: descriptors that are checked as they are put together, and graphs of operations that are computed by
// the definition of each operation, sums in double precision.
//
// Some of the engines that it proposes are wrong on purpose: those whose notes say that a precision does not allow them.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "device.h"

namespace {

using Numbers = std::vector<float>;

// What is told to the caller as a status, with the text of cudnnGetLastErrorString.
struct Refusal : std::runtime_error {
  int status;
  Refusal(int status, const std::string& text) : std::runtime_error(text), status(status) {}
};

std::string lastError;

struct Attribute {
  int type;
  int64_t count;
  std::vector<char> bytes;
};

struct Descriptor {
  int kind;
  bool finished = false;
  std::map<int, Attribute> attributes;
  // Of an engine, an engine configuration and a plan.
  Descriptor* graph = nullptr;
  int engine = 0;
};

// Those that have not been destroyed; who uses another one made a mistake.
std::set<Descriptor*>& living() {
  static auto* all = new std::set<Descriptor*>;
  return *all;
}

Descriptor& checked(Descriptor* d) {
  if (living().count(d) == 0) {
    throw Refusal(CUDNN_STATUS_BAD_PARAM, "a descriptor is used after its end");
  }
  return *d;
}

size_t sizeOf(int type) {
  switch (type) {
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
      return 8;
    case CUDNN_TYPE_BOOLEAN:
    case CUDNN_TYPE_CHAR:
      return 1;
    default:
      return 4;
  }
}

template <typename T>
std::vector<T> all(const Descriptor& d, int attribute) {
  auto found = d.attributes.find(attribute);
  if (found == d.attributes.end()) {
    throw Refusal(CUDNN_STATUS_BAD_PARAM,
                  "descriptor of kind " + std::to_string(d.kind) + " lacks attribute " + std::to_string(attribute));
  }
  if (sizeof(T) != sizeOf(found->second.type)) {
    throw Refusal(CUDNN_STATUS_BAD_PARAM, "attribute " + std::to_string(attribute) + " has the wrong type");
  }
  std::vector<T> values(found->second.count);
  memcpy(values.data(), found->second.bytes.data(), found->second.bytes.size());
  return values;
}

template <typename T>
T one(const Descriptor& d, int attribute) {
  auto values = all<T>(d, attribute);
  if (values.size() != 1) {
    throw Refusal(CUDNN_STATUS_BAD_PARAM, "attribute " + std::to_string(attribute) + " has not one value");
  }
  return values[0];
}

bool has(const Descriptor& d, int attribute) {
  return d.attributes.count(attribute) > 0;
}

Descriptor& part(const Descriptor& d, int attribute) {
  Descriptor& found = checked(one<Descriptor*>(d, attribute));
  if (!found.finished) {
    throw Refusal(CUDNN_STATUS_BAD_PARAM, "a part of a descriptor was not finalized");
  }
  return found;
}

// A tensor, its extents n c h w (k c r s of a filter) and lying in memory as n h w c.
struct Tensor {
  int64_t uid;
  int type;
  std::vector<int64_t> e;
  int64_t alignment;
  bool stored;
  bool number;

  explicit Tensor(const Descriptor& d)
      : uid(one<int64_t>(d, CUDNN_ATTR_TENSOR_UNIQUE_ID)),
        type(one<int>(d, CUDNN_ATTR_TENSOR_DATA_TYPE)),
        e(all<int64_t>(d, CUDNN_ATTR_TENSOR_DIMENSIONS)),
        alignment(one<int64_t>(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT)),
        stored(!has(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL) || !one<char>(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL)),
        number(has(d, CUDNN_ATTR_TENSOR_IS_BY_VALUE) && one<char>(d, CUDNN_ATTR_TENSOR_IS_BY_VALUE)) {
    auto strides = all<int64_t>(d, CUDNN_ATTR_TENSOR_STRIDES);
    if (e.size() != 4 || (!number && strides != std::vector<int64_t>{e[1] * e[2] * e[3], 1, e[1] * e[3], e[1]})) {
      throw Refusal(CUDNN_STATUS_NOT_SUPPORTED, "tensors have four extents and the channels innermost");
    }
  }

  int64_t count() const {
    return e[0] * e[1] * e[2] * e[3];
  }

  size_t bytes() const {
    switch (type) {
      case CUDNN_DATA_FLOAT:
      case CUDNN_DATA_INT32:
        return 4 * count();
      case CUDNN_DATA_HALF:
      case CUDNN_DATA_BFLOAT16:
        return 2 * count();
      case CUDNN_DATA_INT8:
        return count();
      case CUDNN_DATA_BOOLEAN:
        return (count() + 7) / 8;
      default:
        throw Refusal(CUDNN_STATUS_NOT_SUPPORTED, "data type " + std::to_string(type));
    }
  }
};

float widen(uint16_t bits, bool brain) {
  if (brain) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
  }
  _Float16 half;
  memcpy(&half, &bits, 2);
  return (float)half;
}

uint16_t narrow(float value, bool brain) {
  uint16_t bits;
  if (brain) {
    uint32_t wide;
    memcpy(&wide, &value, 4);
    return std::isnan(value) ? 0x7fc0 : (uint16_t)((wide + 0x7fff + (wide >> 16 & 1)) >> 16);
  }
  auto half = (_Float16)value;
  memcpy(&bits, &half, 2);
  return bits;
}

Numbers load(const Tensor& t, const void* from) {
  Numbers values(t.count());
  for (int64_t i = 0; i < t.count(); i++) {
    switch (t.type) {
      case CUDNN_DATA_FLOAT:
        values[i] = ((const float*)from)[i];
        break;
      case CUDNN_DATA_INT8:
        values[i] = ((const int8_t*)from)[i];
        break;
      case CUDNN_DATA_BOOLEAN:
        values[i] = ((const uint8_t*)from)[i / 8] >> (i % 8) & 1;
        break;
      default:
        values[i] = widen(((const uint16_t*)from)[i], t.type == CUDNN_DATA_BFLOAT16);
    }
  }
  return values;
}

void store(const Tensor& t, const Numbers& values, void* to) {
  if (t.type == CUDNN_DATA_BOOLEAN) {
    memset(to, 0, t.bytes());
  }
  for (int64_t i = 0; i < t.count(); i++) {
    switch (t.type) {
      case CUDNN_DATA_FLOAT:
        ((float*)to)[i] = values[i];
        break;
      case CUDNN_DATA_INT8:
        // To nearest, halves to even, then to the nearest byte there is.
        ((int8_t*)to)[i] = (int8_t)std::min(127.0f, std::max(-128.0f, std::nearbyint(values[i])));
        break;
      case CUDNN_DATA_BOOLEAN:
        ((uint8_t*)to)[i / 8] |= (uint8_t)((values[i] != 0) << (i % 8));
        break;
      default:
        ((uint16_t*)to)[i] = narrow(values[i], t.type == CUDNN_DATA_BFLOAT16);
    }
  }
}

// The graph's values while it is computed.
class Run {
 public:
  Run(const std::map<int64_t, char*>& places, const std::map<int64_t, float>& numbers, bool tf32)
      : places(places), numbers(numbers), tf32(tf32) {}

  // Each operation reads its stored inputs anew, as a kernel might.
  Numbers read(const Tensor& t) {
    if (t.number) {
      return {numbers.at(t.uid)};
    }
    return t.stored ? load(t, places.at(t.uid)) : between.at(t.uid);
  }

  Numbers factor(const Tensor& t) {
    Numbers values = read(t);
    if (tf32) {
      for (float& value : values) {
        value = sim::tf32(value);
      }
    }
    return values;
  }

  void write(const Tensor& t, Numbers values) {
    if (t.stored) {
      store(t, values, places.at(t.uid));
    } else {
      // What no memory holds is rounded all the same.
      if (t.type == CUDNN_DATA_HALF || t.type == CUDNN_DATA_BFLOAT16) {
        for (float& value : values) {
          value = widen(narrow(value, t.type == CUDNN_DATA_BFLOAT16), t.type == CUDNN_DATA_BFLOAT16);
        }
      }
      between[t.uid] = std::move(values);
    }
  }

 private:
  const std::map<int64_t, char*>& places;
  const std::map<int64_t, float>& numbers;
  bool tf32;
  std::map<int64_t, Numbers> between;
};

// Along the rows or the columns of an image.
struct Axis {
  int64_t size;
  int64_t stride;
  int64_t padding;
  int64_t dilation;

  int64_t positions(int64_t extent) const {
    return (extent + 2 * padding - ((size - 1) * dilation + 1)) / stride + 1;
  }

  int64_t at(int64_t position, int64_t tap) const {
    return position * stride - padding + tap * dilation;
  }
};

struct Window {
  Axis rows;
  Axis columns;

  int64_t places() const {
    return rows.size * columns.size;
  }
};

Window convolutionWindow(const Descriptor& op, int attribute, const Tensor& w) {
  Descriptor& d = part(op, attribute);
  auto strides = all<int64_t>(d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
  auto before = all<int64_t>(d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
  auto after = all<int64_t>(d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
  auto dilations = all<int64_t>(d, CUDNN_ATTR_CONVOLUTION_DILATIONS);
  if (one<int64_t>(d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS) != 2 || strides.size() != 2 || before.size() != 2 ||
      dilations.size() != 2 || before != after ||
      one<int>(d, CUDNN_ATTR_CONVOLUTION_CONV_MODE) != CUDNN_CROSS_CORRELATION ||
      one<int>(d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE) != (w.type == CUDNN_DATA_INT8 ? CUDNN_DATA_INT32 : CUDNN_DATA_FLOAT)) {
    throw Refusal(CUDNN_STATUS_NOT_SUPPORTED, "a convolution that is not simulated");
  }
  return {{w.e[2], strides[0], before[0], dilations[0]}, {w.e[3], strides[1], before[1], dilations[1]}};
}

// A filter's channels divide those of the input: their quotient is the number of groups.
void requireExtents(const Tensor& x, const Tensor& w, const Tensor& y, Window g) {
  if (x.e[0] != y.e[0] || w.e[0] != y.e[1] || x.e[1] % w.e[1] != 0 || y.e[1] % (x.e[1] / w.e[1]) != 0 ||
      y.e[2] != g.rows.positions(x.e[2]) || y.e[3] != g.columns.positions(x.e[3])) {
    throw Refusal(CUDNN_STATUS_BAD_PARAM, "the extents of a convolution do not fit each other");
  }
}

// Filters and their channels. A filter sees the channels of its group, from first(filter) on.
struct Filters {
  int64_t k;
  int64_t seen;
  int64_t perGroup;

  Filters(const Tensor& x, const Tensor& w) : k(w.e[0]), seen(w.e[1]), perGroup(k / (x.e[1] / seen)) {}

  int64_t first(int64_t filter) const {
    return filter / perGroup * seen;
  }
};

// Calls with the index of an output pixel, of an input pixel and of a place in the filter, each without channels.
template <typename Body>
void overWindow(const Tensor& x, const Tensor& y, Window g, int64_t outPixel, Body body) {
  int64_t w = outPixel % y.e[3];
  int64_t h = outPixel / y.e[3] % y.e[2];
  int64_t n = outPixel / (y.e[3] * y.e[2]);
  for (int64_t r = 0; r < g.rows.size; r++) {
    int64_t ih = g.rows.at(h, r);
    for (int64_t s = 0; s < g.columns.size; s++) {
      int64_t iw = g.columns.at(w, s);
      if (ih >= 0 && ih < x.e[2] && iw >= 0 && iw < x.e[3]) {
        body((n * x.e[2] + ih) * x.e[3] + iw, r * g.columns.size + s);
      }
    }
  }
}

void convolve(Run& run, const Descriptor& op) {
  Tensor x(part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X));
  Tensor w(part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W));
  Tensor y(part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y));
  Window g = convolutionWindow(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, w);
  requireExtents(x, w, y, g);
  Filters filters(x, w);
  Numbers xs = run.factor(x);
  Numbers ws = run.factor(w);
  Numbers ys(y.count());
  int64_t c = x.e[1];
  int64_t k = y.e[1];
#pragma omp parallel for
  for (int64_t out = 0; out < y.count() / k; out++) {
    std::vector<double> sums(k);
    overWindow(x, y, g, out, [&](int64_t in, int64_t place) {
      for (int64_t f = 0; f < k; f++) {
        const float* pixel = xs.data() + in * c + filters.first(f);
        const float* weights = ws.data() + (f * g.places() + place) * filters.seen;
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < filters.seen; i++) {
          sum += (double)pixel[i] * weights[i];
        }
        sums[f] += sum;
      }
    });
    std::copy(sums.begin(), sums.end(), ys.begin() + out * k);
  }
  run.write(y, std::move(ys));
}

void convolveBackwardData(Run& run, const Descriptor& op) {
  Tensor x(part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX));
  Tensor w(part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W));
  Tensor y(part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY));
  Window g = convolutionWindow(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, w);
  requireExtents(x, w, y, g);
  Filters filters(x, w);
  Numbers dys = run.factor(y);
  Numbers ws = run.factor(w);
  int64_t c = x.e[1];
  int64_t k = y.e[1];
  std::vector<double> sums(x.count());
  // Images do not meet, so that each can be a thread's.
#pragma omp parallel for
  for (int64_t n = 0; n < y.e[0]; n++) {
    for (int64_t out = n * y.e[2] * y.e[3]; out < (n + 1) * y.e[2] * y.e[3]; out++) {
      overWindow(x, y, g, out, [&](int64_t in, int64_t place) {
        for (int64_t f = 0; f < k; f++) {
          double* into = sums.data() + in * c + filters.first(f);
          double gradient = dys[out * k + f];
          const float* weights = ws.data() + (f * g.places() + place) * filters.seen;
#pragma omp simd
          for (int64_t i = 0; i < filters.seen; i++) {
            into[i] += gradient * weights[i];
          }
        }
      });
    }
  }
  float beta = one<float>(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA);
  Numbers before = beta == 0 ? Numbers(sums.size()) : run.read(x);
  for (size_t i = 0; i < sums.size(); i++) {
    before[i] = (float)(sums[i] + (double)beta * before[i]);
  }
  run.write(x, std::move(before));
}

void convolveBackwardFilter(Run& run, const Descriptor& op) {
  Tensor x(part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X));
  Tensor w(part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW));
  Tensor y(part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY));
  Window g = convolutionWindow(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, w);
  requireExtents(x, w, y, g);
  Filters filters(x, w);
  Numbers xs = run.factor(x);
  Numbers dys = run.factor(y);
  int64_t c = x.e[1];
  int64_t k = y.e[1];
  std::vector<double> sums(w.count());
  // A thread takes some of the filters.
  const int64_t some = 16;
#pragma omp parallel for schedule(dynamic)
  for (int64_t from = 0; from < k; from += some) {
    for (int64_t out = 0; out < y.count() / k; out++) {
      overWindow(x, y, g, out, [&](int64_t in, int64_t place) {
        for (int64_t f = from; f < std::min(from + some, k); f++) {
          const float* pixel = xs.data() + in * c + filters.first(f);
          double gradient = dys[out * k + f];
          double* into = sums.data() + (f * g.places() + place) * filters.seen;
#pragma omp simd
          for (int64_t i = 0; i < filters.seen; i++) {
            into[i] += gradient * pixel[i];
          }
        }
      });
    }
  }
  run.write(w, Numbers(sums.begin(), sums.end()));
}

// By default the larger of NaN and a number is the number.
bool propagatesNan(const Descriptor& d, int attribute) {
  return has(d, attribute) && one<int>(d, attribute) == CUDNN_PROPAGATE_NAN;
}

int pointwiseMode(const Descriptor& op) {
  return one<int>(part(op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR), CUDNN_ATTR_POINTWISE_MODE);
}

void pointwise(Run& run, const Descriptor& op) {
  int mode = pointwiseMode(op);
  Tensor x(part(op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC));
  Numbers xs = run.read(x);
  if (mode == CUDNN_POINTWISE_RELU_BWD) {
    Tensor dx(part(op, CUDNN_ATTR_OPERATION_POINTWISE_DXDESC));
    Numbers dys = run.read(Tensor(part(op, CUDNN_ATTR_OPERATION_POINTWISE_DYDESC)));
    if (dx.e != x.e || dys.size() != xs.size()) {
      throw Refusal(CUDNN_STATUS_BAD_PARAM, "the gradient of a ReLU has the extents of its input");
    }
    for (size_t i = 0; i < xs.size(); i++) {
      xs[i] = xs[i] > 0 ? dys[i] : 0;
    }
    run.write(dx, std::move(xs));
    return;
  }
  Tensor y(part(op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
  if (mode == CUDNN_POINTWISE_RELU_FWD || mode == CUDNN_POINTWISE_SIGMOID_FWD || mode == CUDNN_POINTWISE_SWISH_FWD) {
    Descriptor& pw = part(op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    auto constant = [&](int attribute, double otherwise) { return has(pw, attribute) ? one<double>(pw, attribute) : otherwise; };
    double upper = constant(CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, INFINITY);
    double slope = constant(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, 0);
    bool keepsNan = propagatesNan(pw, CUDNN_ATTR_POINTWISE_NAN_PROPAGATION);
    for (float& value : xs) {
      double v = value;
      if (mode == CUDNN_POINTWISE_RELU_FWD && std::isnan(value) && !keepsNan) {
        value = 0;
        continue;
      }
      double sigmoid = 1 / (1 + std::exp(-v));
      value = (float)(mode == CUDNN_POINTWISE_SIGMOID_FWD ? sigmoid
                      : mode == CUDNN_POINTWISE_SWISH_FWD ? v * sigmoid
                      : v < 0                             ? slope * v
                      : v > upper                         ? upper
                                                          : v);
    }
    run.write(y, std::move(xs));
    return;
  }
  Tensor b(part(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
  Numbers bs = run.read(b);
  // For all images, for all places, or for all elements.
  int64_t repeats = (int64_t)bs.size();
  if (repeats != x.count() && repeats != x.count() / x.e[0] && repeats != x.e[1] && repeats != 1) {
    throw Refusal(CUDNN_STATUS_BAD_PARAM, "the second factor does not repeat into the first");
  }
  for (size_t i = 0; i < xs.size(); i++) {
    float other = bs[i % repeats];
    switch (mode) {
      case CUDNN_POINTWISE_ADD:
        xs[i] += other;
        break;
      case CUDNN_POINTWISE_SUB:
        xs[i] -= other;
        break;
      case CUDNN_POINTWISE_MUL:
        xs[i] *= other;
        break;
      case CUDNN_POINTWISE_CMP_GT:
        xs[i] = xs[i] > other;
        break;
      default:
        throw Refusal(CUDNN_STATUS_NOT_SUPPORTED, "pointwise mode " + std::to_string(mode));
    }
  }
  run.write(y, std::move(xs));
}

void normForward(Run& run, const Descriptor& op) {
  Tensor x(part(op, CUDNN_ATTR_OPERATION_NORM_FWD_XDESC));
  int64_t c = x.e[1];
  int64_t m = x.count() / c;
  auto channels = [&](int attribute) { return run.read(Tensor(part(op, attribute))); };
  Numbers xs = run.read(x);
  Numbers scale = channels(CUDNN_ATTR_OPERATION_NORM_FWD_SCALE_DESC);
  Numbers bias = channels(CUDNN_ATTR_OPERATION_NORM_FWD_BIAS_DESC);
  double eps = channels(CUDNN_ATTR_OPERATION_NORM_FWD_EPSILON_DESC)[0];
  double share = channels(CUDNN_ATTR_OPERATION_NORM_FWD_EXP_AVG_FACTOR_DESC)[0];
  Numbers runningMean = channels(CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_MEAN_DESC);
  Numbers runningVar = channels(CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_VAR_DESC);
  Numbers means(c);
  Numbers inverses(c);
  for (int64_t k = 0; k < c; k++) {
    double sum = 0;
    double squares = 0;
    for (int64_t i = k; i < x.count(); i += c) {
      sum += xs[i];
    }
    double mean = sum / m;
    for (int64_t i = k; i < x.count(); i += c) {
      squares += (xs[i] - mean) * (xs[i] - mean);
    }
    double inverse = 1 / std::sqrt(squares / m + eps);
    means[k] = (float)mean;
    inverses[k] = (float)inverse;
    runningMean[k] = (float)((1 - share) * runningMean[k] + share * mean);
    runningVar[k] = (float)((1 - share) * runningVar[k] + share * squares / (m - 1));
    for (int64_t i = k; i < x.count(); i += c) {
      xs[i] = (float)((xs[i] - mean) * inverse * scale[k] + bias[k]);
    }
  }
  auto write = [&](int attribute, Numbers values) { run.write(Tensor(part(op, attribute)), std::move(values)); };
  write(CUDNN_ATTR_OPERATION_NORM_FWD_MEAN_DESC, means);
  write(CUDNN_ATTR_OPERATION_NORM_FWD_INV_VARIANCE_DESC, inverses);
  write(CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_MEAN_DESC, runningMean);
  write(CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_VAR_DESC, runningVar);
  write(CUDNN_ATTR_OPERATION_NORM_FWD_YDESC, xs);
}

void normBackward(Run& run, const Descriptor& op) {
  Tensor x(part(op, CUDNN_ATTR_OPERATION_NORM_BWD_XDESC));
  int64_t c = x.e[1];
  double m = (double)(x.count() / c);
  auto values = [&](int attribute) { return run.read(Tensor(part(op, attribute))); };
  Numbers xs = run.read(x);
  Numbers dys = values(CUDNN_ATTR_OPERATION_NORM_BWD_DYDESC);
  Numbers scale = values(CUDNN_ATTR_OPERATION_NORM_BWD_SCALE_DESC);
  Numbers mean = values(CUDNN_ATTR_OPERATION_NORM_BWD_MEAN_DESC);
  Numbers inverse = values(CUDNN_ATTR_OPERATION_NORM_BWD_INV_VARIANCE_DESC);
  Numbers dscale(c);
  Numbers dbias(c);
  for (int64_t k = 0; k < c; k++) {
    double sum = 0;
    double products = 0;
    for (int64_t i = k; i < x.count(); i += c) {
      sum += dys[i];
      products += dys[i] * (double)(xs[i] - mean[k]) * inverse[k];
    }
    dscale[k] = (float)products;
    dbias[k] = (float)sum;
    for (int64_t i = k; i < x.count(); i += c) {
      double normal = (double)(xs[i] - mean[k]) * inverse[k];
      xs[i] = (float)((double)scale[k] * inverse[k] * (dys[i] - sum / m - normal * products / m));
    }
  }
  run.write(Tensor(part(op, CUDNN_ATTR_OPERATION_NORM_BWD_DSCALE_DESC)), dscale);
  run.write(Tensor(part(op, CUDNN_ATTR_OPERATION_NORM_BWD_DBIAS_DESC)), dbias);
  run.write(Tensor(part(op, CUDNN_ATTR_OPERATION_NORM_BWD_DXDESC)), xs);
}

// The sums of a norm's backward, and dx = ofDy * dy + ofX * x + constant that follows from them.
void normBackwardSums(Run& run, const Descriptor& op) {
  Tensor x(part(op, CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_X_DESC));
  if (one<int>(op, CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_MATH_PREC) != CUDNN_DATA_FLOAT) {
    throw Refusal(CUDNN_STATUS_NOT_SUPPORTED, "sums that are not simulated");
  }
  int64_t c = x.e[1];
  double m = (double)(x.count() / c);
  auto values = [&](int attribute) { return run.read(Tensor(part(op, attribute))); };
  Numbers xs = run.read(x);
  Numbers dys = values(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DY_DESC);
  Numbers scale = values(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_BN_SCALE_DESC);
  Numbers mean = values(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_MEAN_DESC);
  Numbers inverse = values(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_INVSTD_DESC);
  std::vector<double> products(c);
  std::vector<double> sum(c);
  for (int64_t i = 0; i < x.count(); i++) {
    sum[i % c] += dys[i];
    products[i % c] += dys[i] * (double)(xs[i] - mean[i % c]) * inverse[i % c];
  }
  Numbers ofDy(c);
  Numbers ofX(c);
  Numbers constant(c);
  for (int64_t k = 0; k < c; k++) {
    double factor = (double)scale[k] * inverse[k];
    double slope = -factor * inverse[k] * products[k] / m;
    ofDy[k] = (float)factor;
    ofX[k] = (float)slope;
    constant[k] = (float)(-factor * sum[k] / m - slope * mean[k]);
  }
  auto write = [&](int attribute, Numbers numbers) { run.write(Tensor(part(op, attribute)), std::move(numbers)); };
  write(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DBN_SCALE_DESC, Numbers(products.begin(), products.end()));
  write(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DBN_BIAS_DESC, Numbers(sum.begin(), sum.end()));
  write(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_DY_SCALE_DESC, ofDy);
  write(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_X_SCALE_DESC, ofX);
  write(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_BIAS, constant);
}

void sums(Run& run, const Descriptor& op) {
  Tensor x(part(op, CUDNN_ATTR_OPERATION_GENSTATS_XDESC));
  if (one<int>(op, CUDNN_ATTR_OPERATION_GENSTATS_MODE) != CUDNN_GENSTATS_SUM_SQSUM ||
      one<int>(op, CUDNN_ATTR_OPERATION_GENSTATS_MATH_PREC) != CUDNN_DATA_FLOAT) {
    throw Refusal(CUDNN_STATUS_NOT_SUPPORTED, "sums that are not simulated");
  }
  int64_t c = x.e[1];
  Numbers xs = run.read(x);
  std::vector<double> sum(c);
  std::vector<double> squares(c);
  for (int64_t i = 0; i < x.count(); i++) {
    sum[i % c] += xs[i];
    squares[i % c] += (double)xs[i] * xs[i];
  }
  run.write(Tensor(part(op, CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC)), Numbers(sum.begin(), sum.end()));
  run.write(Tensor(part(op, CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC)), Numbers(squares.begin(), squares.end()));
}

Window poolingWindow(const Descriptor& op, int attribute) {
  Descriptor& d = part(op, attribute);
  auto windows = all<int64_t>(d, CUDNN_ATTR_RESAMPLE_WINDOW_DIMS);
  auto strides = all<int64_t>(d, CUDNN_ATTR_RESAMPLE_STRIDES);
  auto before = all<int64_t>(d, CUDNN_ATTR_RESAMPLE_PRE_PADDINGS);
  if (one<int>(d, CUDNN_ATTR_RESAMPLE_MODE) != CUDNN_RESAMPLE_MAXPOOL ||
      one<int>(d, CUDNN_ATTR_RESAMPLE_PADDING_MODE) != CUDNN_NEG_INF_PAD ||
      all<int64_t>(d, CUDNN_ATTR_RESAMPLE_POST_PADDINGS) != before) {
    throw Refusal(CUDNN_STATUS_NOT_SUPPORTED, "a pooling that is not simulated");
  }
  return {{windows[0], strides[0], before[0], 1}, {windows[1], strides[1], before[1], 1}};
}

void maxPool(Run& run, const Descriptor& op) {
  Tensor x(part(op, CUDNN_ATTR_OPERATION_RESAMPLE_FWD_XDESC));
  Tensor y(part(op, CUDNN_ATTR_OPERATION_RESAMPLE_FWD_YDESC));
  Window g = poolingWindow(op, CUDNN_ATTR_OPERATION_RESAMPLE_FWD_DESC);
  bool keepsNan = propagatesNan(part(op, CUDNN_ATTR_OPERATION_RESAMPLE_FWD_DESC), CUDNN_ATTR_RESAMPLE_NAN_PROPAGATION);
  Numbers xs = run.read(x);
  Numbers ys(y.count(), -INFINITY);
  Numbers places(y.count(), -1);
  int64_t c = y.e[1];
  for (int64_t out = 0; out < y.count() / c; out++) {
    overWindow(x, y, g, out, [&](int64_t in, int64_t place) {
      for (int64_t k = 0; k < c; k++) {
        float value = xs[in * c + k];
        float& best = ys[out * c + k];
        float& at = places[out * c + k];
        if (std::isnan(value) ? keepsNan : at < 0 || value > best) {
          best = value;
          at = (float)place;
        }
      }
    });
  }
  run.write(y, std::move(ys));
  if (has(op, CUDNN_ATTR_OPERATION_RESAMPLE_FWD_IDXDESC)) {
    run.write(Tensor(part(op, CUDNN_ATTR_OPERATION_RESAMPLE_FWD_IDXDESC)), std::move(places));
  }
}

void maxPoolBackward(Run& run, const Descriptor& op) {
  Tensor y(part(op, CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DYDESC));
  Tensor x(part(op, CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DXDESC));
  Window g = poolingWindow(op, CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DESC);
  Numbers dys = run.read(y);
  Numbers places = run.read(Tensor(part(op, CUDNN_ATTR_OPERATION_RESAMPLE_BWD_IDXDESC)));
  Numbers dxs(x.count());
  int64_t c = y.e[1];
  for (int64_t out = 0; out < y.count() / c; out++) {
    overWindow(x, y, g, out, [&](int64_t in, int64_t place) {
      for (int64_t k = 0; k < c; k++) {
        if (places[out * c + k] == (float)place) {
          dxs[in * c + k] += dys[out * c + k];
        }
      }
    });
  }
  run.write(x, std::move(dxs));
}

const std::map<int, void (*)(Run&, const Descriptor&)> OPERATIONS = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, convolve},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, convolveBackwardData},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, convolveBackwardFilter},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, pointwise},
    {CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR, normForward},
    {CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR, sums},
    {CUDNN_BACKEND_OPERATION_BN_BWD_WEIGHTS_DESCRIPTOR, normBackwardSums},
    {CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR, normBackward},
    {CUDNN_BACKEND_OPERATION_RESAMPLE_FWD_DESCRIPTOR, maxPool},
    {CUDNN_BACKEND_OPERATION_RESAMPLE_BWD_DESCRIPTOR, maxPoolBackward}};

enum Engine {
  EXACT = 3,
  TF32 = 10,
  WINOGRAD = 11,
  SHORT_SUMS = 12,
  COMPILED = 30,
  // A norm in one kernel whose blocks wait for each other between its sums and what it writes.
  COOPERATIVE = 31,
  // Those that cuDNN proposes and that then fail, each in its way: when the plan is made, or when it runs.
  UNSUPPORTED = 40,
  UNCOMPILED = 41,
  MISTAKEN = 42,
  UNLAUNCHED = 43
};

// How an engine fails when its plan is made; 0 if it does not.
int failureOfPlan(int engine) {
  switch (engine) {
    case UNSUPPORTED:
      return CUDNN_STATUS_NOT_SUPPORTED;
    case UNCOMPILED:
      return CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED;
    case MISTAKEN:
      return CUDNN_STATUS_BAD_PARAM;
    default:
      return 0;
  }
}

std::vector<Descriptor*> operations(const Descriptor& graph) {
  return all<Descriptor*>(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);
}

std::vector<Tensor> tensors(const Descriptor& graph) {
  std::vector<Tensor> found;
  for (Descriptor* op : operations(graph)) {
    for (auto& [name, attribute] : checked(op).attributes) {
      if (attribute.type == CUDNN_TYPE_BACKEND_DESCRIPTOR && part(*op, name).kind == CUDNN_BACKEND_TENSOR_DESCRIPTOR) {
        found.emplace_back(part(*op, name));
      }
    }
  }
  return found;
}

bool isConvolution(int kind) {
  return kind == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR ||
         kind == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR ||
         kind == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR;
}

// Whether a convolution is to add to a tensor that exists only within the graph, or is not the only operation that does.
bool addsWithin(const std::vector<Descriptor*>& ops) {
  return ops.size() > 1 && std::any_of(ops.begin(), ops.end(), [](Descriptor* op) {
           return op->kind == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR &&
                  one<float>(*op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA) != 0;
         });
}

// cuDNN has engines for convolutions of bytes in groups of four channels or more, none where filters see one channel.
bool depthwiseOnBytes(const std::vector<Descriptor*>& ops) {
  return std::any_of(ops.begin(), ops.end(), [](Descriptor* op) {
    if (op->kind != CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR) {
      return false;
    }
    Tensor w(part(*op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W));
    return w.type == CUDNN_DATA_INT8 && w.e[1] == 1;
  });
}

const Descriptor* normOf(const std::vector<Descriptor*>& ops) {
  auto found = std::find_if(ops.begin(), ops.end(), [](Descriptor* op) {
    return op->kind == CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR ||
           op->kind == CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR;
  });
  return found == ops.end() ? nullptr : *found;
}

Tensor normalised(const Descriptor& norm) {
  bool forward = norm.kind == CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR;
  return Tensor(part(norm, forward ? CUDNN_ATTR_OPERATION_NORM_FWD_XDESC : CUDNN_ATTR_OPERATION_NORM_BWD_XDESC));
}

// What cuDNN has for half precision alone, factors and offsets included: convolutions that read what other operations make,
// forward with sums behind, and gradients with the sums of a norm's backward behind.
bool refusesMainLoop(const std::vector<Descriptor*>& ops) {
  auto any = [&](int kind) {
    return std::any_of(ops.begin(), ops.end(), [&](Descriptor* op) { return op->kind == kind; });
  };
  auto makes = [&](int kind, int attribute) {
    return std::any_of(ops.begin(), ops.end(),
                       [&](Descriptor* op) { return op->kind == kind && !Tensor(part(*op, attribute)).stored; });
  };
  bool forward = makes(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X);
  bool filter = makes(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X);
  if (forward && !any(CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR)) {
    return true;
  }
  bool sums = any(CUDNN_BACKEND_OPERATION_BN_BWD_WEIGHTS_DESCRIPTOR);
  return std::any_of(ops.begin(), ops.end(), [&](Descriptor* op) {
    if (op->kind == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR) {
      return sums && Tensor(part(*op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W)).type != CUDNN_DATA_HALF;
    }
    return (forward || filter) && op->kind == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR &&
           has(*op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC) &&
           Tensor(part(*op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC)).type != CUDNN_DATA_HALF;
  });
}

// The engines of a graph that work, best guess first; which ones there are is made after what cuDNN 9 proposes for an H200.
std::vector<int> working(const Descriptor& graph, int mode) {
  auto ops = operations(graph);
  bool single = tensors(graph)[0].type == CUDNN_DATA_FLOAT;
  if (std::any_of(ops.begin(), ops.end(), [](Descriptor* op) { return isConvolution(op->kind); })) {
    bool fused = ops.size() > 1;
    if (addsWithin(ops) || depthwiseOnBytes(ops) || refusesMainLoop(ops)) {
      return {};
    } else if (mode == CUDNN_HEUR_MODE_FALLBACK) {
      return single && fused ? std::vector<int>{EXACT} : std::vector<int>{};
    } else if (!single) {
      return {SHORT_SUMS, EXACT};
    }
    return fused ? std::vector<int>{TF32} : std::vector<int>{WINOGRAD, TF32, EXACT};
  }
  const Descriptor* norm = normOf(ops);
  if (norm != nullptr) {
    Tensor x = normalised(*norm);
    if (x.e[1] % 8 != 0 || x.e[0] * x.e[2] * x.e[3] < 2) {
      return {};
    }
  }
  if (mode == CUDNN_HEUR_MODE_FALLBACK) {
    return {};
  }
  return norm == nullptr ? std::vector<int>{COMPILED} : std::vector<int>{COOPERATIVE, COMPILED};
}

// Blocks of a cooperative norm, one for eight channels; an SM holds so many of them.
constexpr int BLOCKS_PER_SM = 4;

unsigned blocks(const Descriptor& graph) {
  return (unsigned)(normalised(*normOf(operations(graph))).e[1] / 8);
}

// All that are proposed: those that fail come first, where there is any that works.
std::vector<int> engines(const Descriptor& graph, int mode) {
  std::vector<int> found = working(graph, mode);
  if (!found.empty()) {
    found.insert(found.begin(), {UNSUPPORTED, UNCOMPILED, MISTAKEN, UNLAUNCHED});
  }
  return found;
}

std::vector<int> notes(int engine) {
  switch (engine) {
    case TF32:
      return {CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS};
    case WINOGRAD:
      return {CUDNN_NUMERICAL_NOTE_WINOGRAD};
    case SHORT_SUMS:
      return {CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION};
    default:
      return {};
  }
}

// cuDNN's compiled engines for norms want from 68 KB to 1 MB.
int64_t workspaceBytes(int engine) {
  return engine == COMPILED || engine == COOPERATIVE ? 70000 : 1000;
}

// A plan that has got its memory.
struct Bound {
  std::vector<Descriptor*> ops;
  int engine;
  std::map<int64_t, char*> places;
  std::map<int64_t, float> numbers;
  char* workspace;

  void run() {
    if (sim::takesTheDevice()) {
      sim::illegal("an engine loses the device");
      return;
    }
    if (engine == WINOGRAD || engine == SHORT_SUMS) {
      sim::illegal("an engine runs that the precision does not allow");
      return;
    }
    if (workspace != nullptr) {
      memset(workspace, 0xff, workspaceBytes(engine));
    }
    Run values(places, numbers, engine == TF32);
    for (Descriptor* op : ops) {
      OPERATIONS.at(op->kind)(values, *op);
    }
  }
};

bool overlap(const char* a, size_t aBytes, const char* b, size_t bBytes) {
  return a < b + bBytes && b < a + aBytes;
}

Bound bind(Descriptor& plan, const Descriptor& pack) {
  Bound bound;
  bound.ops = operations(checked(plan.graph));
  bound.engine = plan.engine;
  auto uids = all<int64_t>(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  auto pointers = all<char*>(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  bound.workspace = one<char*>(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
  if (uids.size() != pointers.size()) {
    throw Refusal(CUDNN_STATUS_BAD_PARAM, "a variant pack has as many pointers as tensors");
  }
  std::map<int64_t, char*> given;
  for (size_t i = 0; i < uids.size(); i++) {
    given[uids[i]] = pointers[i];
  }
  int64_t scratch = workspaceBytes(plan.engine);
  if (scratch == 0) {
    bound.workspace = nullptr;
  } else if (!sim::onDevice(bound.workspace, scratch)) {
    throw Refusal(CUDNN_STATUS_BAD_PARAM, "the workspace is too small");
  }
  std::map<int64_t, size_t> sizes;
  for (const Tensor& t : tensors(*plan.graph)) {
    if (!t.stored) {
      continue;
    }
    auto place = given.find(t.uid);
    if (place == given.end()) {
      throw Refusal(CUDNN_STATUS_BAD_PARAM, "tensor " + std::to_string(t.uid) + " has no memory");
    } else if (t.number) {
      // By value: read when the work is sent.
      bound.numbers[t.uid] = *(float*)place->second;
      continue;
    }
    if (!sim::onDevice(place->second, t.bytes()) || (uintptr_t)place->second % t.alignment != 0) {
      throw Refusal(CUDNN_STATUS_BAD_PARAM, "tensor " + std::to_string(t.uid) + " is not in memory or not aligned");
    }
    if (sim::deviceOf(place->second) != sim::currentDevice()) {
      throw Refusal(CUDNN_STATUS_BAD_PARAM, "tensor " + std::to_string(t.uid) + " is on another device");
    }
    if (scratch > 0 && overlap(place->second, t.bytes(), bound.workspace, scratch)) {
      throw Refusal(CUDNN_STATUS_BAD_PARAM, "tensor " + std::to_string(t.uid) + " lies in the workspace");
    }
    bound.places[t.uid] = place->second;
    sizes[t.uid] = t.bytes();
  }
  for (auto& [a, from] : bound.places) {
    for (auto& [b, to] : bound.places) {
      // The same place twice is an update in place; anything else that overlaps is a mistake.
      if (a < b && from != to && overlap(from, sizes[a], to, sizes[b])) {
        throw Refusal(CUDNN_STATUS_BAD_PARAM, "tensors overlap");
      }
    }
  }
  return bound;
}

void finish(Descriptor& d) {
  switch (d.kind) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR:
      Tensor{d}.bytes();
      break;
    case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR:
      for (Descriptor* op : operations(d)) {
        if (!checked(op).finished || OPERATIONS.count(op->kind) == 0) {
          throw Refusal(CUDNN_STATUS_NOT_SUPPORTED, "an operation that is not simulated");
        }
      }
      one<void*>(d, CUDNN_ATTR_OPERATIONGRAPH_HANDLE);
      break;
    case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
      d.graph = &part(d, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
      if (engines(*d.graph, one<int>(d, CUDNN_ATTR_ENGINEHEUR_MODE)).empty()) {
        throw Refusal(CUDNN_STATUS_NOT_SUPPORTED, "no engine");
      }
      break;
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR: {
      Descriptor& config = part(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
      one<void*>(d, CUDNN_ATTR_EXECUTION_PLAN_HANDLE);
      d.graph = config.graph;
      d.engine = config.engine;
      if (failureOfPlan(d.engine) != 0) {
        throw Refusal(failureOfPlan(d.engine), "an engine whose plan fails");
      }
      sim::plans()++;
      break;
    }
    default:
      break;
  }
  d.finished = true;
}

template <typename T>
void give(const std::vector<T>& values, int64_t most, int64_t* count, void* into) {
  *count = (int64_t)values.size();
  memcpy(into, values.data(), std::min(most, *count) * sizeof(T));
}

// Fills descriptors that the caller has made.
void fill(const std::vector<int>& engines, Descriptor* graph, int64_t most, int64_t* count, void* into) {
  *count = (int64_t)engines.size();
  for (int64_t i = 0; i < std::min(most, *count); i++) {
    Descriptor& given = checked(((Descriptor**)into)[i]);
    given.graph = graph;
    given.engine = engines[i];
    given.finished = true;
  }
}

void get(Descriptor& d, int attribute, int64_t most, int64_t* count, void* into) {
  switch (attribute) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS:
      fill(engines(*d.graph, one<int>(d, CUDNN_ATTR_ENGINEHEUR_MODE)), d.graph, most, count, into);
      break;
    case CUDNN_ATTR_ENGINECFG_ENGINE:
      fill({d.engine}, d.graph, most, count, into);
      break;
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
      give<int64_t>({d.engine}, most, count, into);
      break;
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
      give(notes(d.engine), most, count, into);
      break;
    case CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE:
      give(d.engine == COMPILED || d.engine == COOPERATIVE ? std::vector<int>{CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION} : std::vector<int>{}, most,
           count, into);
      break;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
      give<int64_t>({workspaceBytes(d.engine)}, most, count, into);
      break;
    default:
      throw Refusal(CUDNN_STATUS_NOT_SUPPORTED, "attribute " + std::to_string(attribute) + " cannot be read");
  }
}

template <typename Body>
int guarded(Body body) {
  try {
    body();
    return CUDNN_STATUS_SUCCESS;
  } catch (const Refusal& e) {
    lastError = e.what();
    return e.status;
  }
}

}  // namespace

int& sim::plans() {
  static int made = 0;
  return made;
}

struct Handle {
  sim::Stream* stream;
};

extern "C" {

size_t cudnnGetVersion() {
  return 91900;
}

int cudnnGraphVersionCheck() {
  return CUDNN_STATUS_SUCCESS;
}

int cudnnOpsVersionCheck() {
  return CUDNN_STATUS_SUCCESS;
}

int cudnnCnnVersionCheck() {
  return CUDNN_STATUS_SUCCESS;
}

const char* cudnnGetErrorString(int status) {
  return status == CUDNN_STATUS_BAD_PARAM       ? "CUDNN_STATUS_BAD_PARAM"
         : status == CUDNN_STATUS_NOT_SUPPORTED ? "CUDNN_STATUS_NOT_SUPPORTED"
         : status == CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED
             ? "CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED"
                                                : "CUDNN_STATUS_EXECUTION_FAILED";
}

void cudnnGetLastErrorString(char* text, size_t size) {
  snprintf(text, size, "%s", lastError.c_str());
}

int cudnnCreate(Handle** handle) {
  *handle = new Handle{};
  return CUDNN_STATUS_SUCCESS;
}

int cudnnDestroy(Handle* handle) {
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}

int cudnnSetStream(Handle* handle, sim::Stream* stream) {
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

int cudnnBackendCreateDescriptor(int kind, Descriptor** made) {
  DEVICE_CALL;
  *made = new Descriptor{kind};
  living().insert(*made);
  return CUDNN_STATUS_SUCCESS;
}

int cudnnBackendDestroyDescriptor(Descriptor* d) {
  DEVICE_CALL;
  return guarded([&] {
    checked(d);
    living().erase(d);
    delete d;
  });
}

int cudnnBackendSetAttribute(Descriptor* d, int attribute, int type, int64_t count, const void* values) {
  DEVICE_CALL;
  return guarded([&] {
    if (checked(d).finished) {
      throw Refusal(CUDNN_STATUS_BAD_PARAM, "a descriptor is changed after it was finalized");
    }
    auto* bytes = (const char*)values;
    d->attributes[attribute] = {type, count, {bytes, bytes + count * sizeOf(type)}};
  });
}

int cudnnBackendFinalize(Descriptor* d) {
  DEVICE_CALL;
  return guarded([&] { finish(checked(d)); });
}

int cudnnBackendGetAttribute(Descriptor* d, int attribute, int, int64_t most, int64_t* count, void* into) {
  DEVICE_CALL;
  return guarded([&] {
    if (!checked(d).finished) {
      throw Refusal(CUDNN_STATUS_BAD_PARAM, "a descriptor is read before it was finalized");
    }
    get(*d, attribute, most, count, into);
  });
}

int cudnnBackendExecute(Handle* handle, Descriptor* plan, Descriptor* pack) {
  DEVICE_CALL;
  return guarded([&] {
    if (sim::dead()) {
      sim::sentInVain();
    }
    auto bound = std::make_shared<Bound>(bind(checked(plan), checked(pack)));
    if (bound->engine == UNLAUNCHED) {
      throw Refusal(CUDNN_STATUS_EXECUTION_FAILED, "an engine whose kernel cannot be launched");
    }
    if (bound->engine == COOPERATIVE && blocks(*plan->graph) > sim::multiprocessors() * BLOCKS_PER_SM) {
      // As cudaErrorCooperativeLaunchTooLarge: a block that waits for one that finds no room would wait for ever.
      throw Refusal(CUDNN_STATUS_EXECUTION_FAILED, "more blocks wait for each other than the device holds at a time");
    }
    if (!sim::mayLaunch(handle->stream)) {
      throw Refusal(CUDNN_STATUS_EXECUTION_FAILED, "the thread is on another device than cuDNN, or on none");
    }
    if (sim::enqueue(handle->stream, [bound] { bound->run(); }) != cudaSuccess) {
      throw Refusal(CUDNN_STATUS_EXECUTION_FAILED, "the device does not take the work");
    }
  });
}

}  // extern "C"
