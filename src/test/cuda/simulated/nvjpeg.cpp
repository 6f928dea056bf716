// nvJPEG, as far as it decodes baseline files of one or three components to interleaved RGB. Chroma is repeated, not
// interpolated, so that pixels are close to libjpeg's and not the same, and the first pixel is always (1, 2, 3): a test can
// tell who has decoded.
//
// As on a true GPU the engines write when they are asked, whatever the stream still has to do; the hybrid way keeps the order of
// the stream, and reads the file only then.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <vector>

#include "device.h"

namespace {

struct Handle {
  int way;
  int device;
};

struct State {
  Handle* handle;
  int batch = 0;
  // What it was asked for in a stream is not done.
  std::shared_ptr<bool> busy = std::make_shared<bool>(false);
};

struct Image {
  uint8_t* channel[NVJPEG_MAX_COMPONENT];
  size_t pitch[NVJPEG_MAX_COMPONENT];
};

// A file that is not decoded, with the status that says why.
struct Refused {
  int status;
};

struct Table {
  int count[17] = {};
  std::vector<uint8_t> symbols;
};

struct Component {
  int id;
  int across;
  int down;
  int quantisation;
  int dc = 0;
  int ac = 0;
  int last = 0;
  int width = 0;
  std::vector<uint8_t> samples;
};

class File {
 public:
  int width = 0;
  int height = 0;
  std::vector<Component> components;

  File(const uint8_t* data, size_t length) : data(data), end(length) {
    if (byte(0) != 0xff || byte(1) != 0xd8) {
      throw Refused{NVJPEG_STATUS_BAD_JPEG};
    }
    for (at = 2; scan == 0;) {
      segment();
    }
  }

  // Red, green and blue of each pixel.
  std::vector<uint8_t> rgb() {
    if (frame != 0xc0 || (components.size() != 1 && components.size() != 3) || scanned != (int)components.size()) {
      throw Refused{NVJPEG_STATUS_JPEG_NOT_SUPPORTED};
    }
    decodeScan();
    std::vector<uint8_t> pixels((size_t)width * height * 3);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        double l = sample(0, x, y);
        double b = components.size() == 3 ? sample(1, x, y) - 128.0 : 0;
        double r = components.size() == 3 ? sample(2, x, y) - 128.0 : 0;
        uint8_t* pixel = &pixels[((size_t)y * width + x) * 3];
        pixel[0] = clamp(l + 1.402 * r);
        pixel[1] = clamp(l - 0.344136 * b - 0.714136 * r);
        pixel[2] = clamp(l + 1.772 * b);
      }
    }
    for (int c = 0; c < 3; c++) {
      pixels[c] = (uint8_t)(1 + c);
    }
    return pixels;
  }

 private:
  const uint8_t* data;
  size_t end;
  size_t at = 0;
  size_t scan = 0;
  int scanned = 0;
  int frame = 0;
  int restart = 0;
  int quantisation[4][64] = {};
  Table tables[2][4];
  uint32_t bits = 0;
  int held = 0;

  int byte(size_t where) const {
    if (where >= end) {
      throw Refused{NVJPEG_STATUS_INCOMPLETE_BITSTREAM};
    }
    return data[where];
  }

  int pair(size_t where) const {
    return byte(where) << 8 | byte(where + 1);
  }

  static uint8_t clamp(double value) {
    return (uint8_t)std::lround(std::fmin(255, std::fmax(0, value)));
  }

  int most(int Component::* factor) const {
    int most = 1;
    for (const Component& c : components) {
      most = std::max(most, c.*factor);
    }
    return most;
  }

  double sample(int component, int x, int y) const {
    const Component& c = components[component];
    int h = x * c.across / most(&Component::across);
    int v = y * c.down / most(&Component::down);
    return c.samples[(size_t)v * c.width + h];
  }

  void segment() {
    while (byte(at) != 0xff || byte(at + 1) == 0xff || byte(at + 1) == 0) {
      at++;
    }
    int marker = byte(at + 1);
    size_t from = at + 4;
    size_t to = at + 2 + pair(at + 2);
    byte(to - 1);
    if (marker == 0xdb) {
      while (from < to) {
        int kind = byte(from++);
        for (int i = 0; i < 64; i++) {
          quantisation[kind & 3][i] = kind >> 4 ? pair(from) : byte(from);
          from += kind >> 4 ? 2 : 1;
        }
      }
    } else if (marker == 0xc4) {
      while (from < to) {
        int kind = byte(from++);
        Table& table = tables[kind >> 4 & 1][kind & 3];
        int all = 0;
        for (int i = 1; i <= 16; i++) {
          all += table.count[i] = byte(from++);
        }
        byte(from + all - 1);
        table.symbols.assign(data + from, data + from + all);
        from += all;
      }
    } else if (marker == 0xdd) {
      restart = pair(from);
    } else if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc8 && marker != 0xcc) {
      frame = marker;
      height = pair(from + 1);
      width = pair(from + 3);
      components.clear();
      for (int i = 0; i < byte(from + 5); i++) {
        size_t c = from + 6 + 3 * i;
        components.push_back({byte(c), byte(c + 1) >> 4, byte(c + 1) & 15, byte(c + 2) & 3});
      }
    } else if (marker == 0xda) {
      scanned = byte(from);
      for (int i = 0; i < scanned; i++) {
        for (Component& c : components) {
          if (c.id == byte(from + 1 + 2 * i)) {
            c.dc = byte(from + 2 + 2 * i) >> 4 & 3;
            c.ac = byte(from + 2 + 2 * i) & 3;
          }
        }
      }
      scan = to;
    }
    at = to;
  }

  int bit() {
    if (held == 0) {
      bits = byte(at++);
      if (bits == 0xff && byte(at++) != 0) {
        throw Refused{NVJPEG_STATUS_BAD_JPEG};
      }
      held = 8;
    }
    return bits >> --held & 1;
  }

  int receive(int count) {
    int value = 0;
    for (int i = 0; i < count; i++) {
      value = value << 1 | bit();
    }
    return count > 0 && value < 1 << (count - 1) ? value - (1 << count) + 1 : value;
  }

  int symbol(const Table& table) {
    int code = 0;
    int first = 0;
    int index = 0;
    for (int length = 1; length <= 16; length++) {
      code = code << 1 | bit();
      if (code - first < table.count[length]) {
        return table.symbols[index + code - first];
      }
      index += table.count[length];
      first = (first + table.count[length]) << 1;
    }
    throw Refused{NVJPEG_STATUS_BAD_JPEG};
  }

  void decodeScan() {
    int across = most(&Component::across);
    int down = most(&Component::down);
    bool alone = components.size() == 1;
    int columns = (width + 8 * across - 1) / (8 * across);
    int rows = (height + 8 * down - 1) / (8 * down);
    for (Component& c : components) {
      c.width = columns * c.across * 8;
      c.samples.assign((size_t)c.width * rows * c.down * 8, 0);
      c.last = 0;
    }
    at = scan;
    held = 0;
    for (int unit = 0; unit < columns * rows; unit++) {
      if (restart > 0 && unit > 0 && unit % restart == 0) {
        held = 0;
        if (byte(at) != 0xff || byte(at + 1) != 0xd0 + (unit / restart - 1) % 8) {
          throw Refused{NVJPEG_STATUS_BAD_JPEG};
        }
        at += 2;
        for (Component& c : components) {
          c.last = 0;
        }
      }
      for (Component& c : components) {
        for (int b = 0; b < (alone ? 1 : c.across * c.down); b++) {
          int x = unit % columns * c.across + b % c.across;
          int y = unit / columns * c.down + b / c.across;
          block(c, &c.samples[(size_t)y * 8 * c.width + x * 8]);
        }
      }
    }
  }

  void block(Component& c, uint8_t* to) {
    static const int ORDER[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
                                  41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
                                  30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};
    double coefficients[64] = {};
    c.last += receive(symbol(tables[0][c.dc]) & 15);
    coefficients[0] = (double)c.last * quantisation[c.quantisation][0];
    for (int i = 1; i < 64; i++) {
      int code = symbol(tables[1][c.ac]);
      if (code == 0) {
        break;
      }
      i += code >> 4;
      if (i > 63) {
        throw Refused{NVJPEG_STATUS_BAD_JPEG};
      }
      coefficients[ORDER[i]] = (double)receive(code & 15) * quantisation[c.quantisation][i];
    }
    double half[64];
    for (int v = 0; v < 8; v++) {
      for (int x = 0; x < 8; x++) {
        half[v * 8 + x] = 0;
        for (int u = 0; u < 8; u++) {
          half[v * 8 + x] += basis(u, x) * coefficients[v * 8 + u];
        }
      }
    }
    for (int y = 0; y < 8; y++) {
      for (int x = 0; x < 8; x++) {
        double sum = 128;
        for (int v = 0; v < 8; v++) {
          sum += basis(v, y) * half[v * 8 + x];
        }
        to[(size_t)y * c.width + x] = clamp(sum);
      }
    }
  }

  static double basis(int frequency, int place) {
    static double all[64];
    static bool made = false;
    if (!made) {
      for (int i = 0; i < 64; i++) {
        all[i] = (i / 8 == 0 ? std::sqrt(0.125) : 0.5) * std::cos((2 * (i % 8) + 1) * (i / 8) * M_PI / 16);
      }
      made = true;
    }
    return all[frequency * 8 + place];
  }
};

}  // namespace

namespace sim {

int& jpegs() {
  static int decoded = 0;
  return decoded;
}

bool& jpegEngines() {
  static bool there = true;
  return there;
}

}  // namespace sim

extern "C" {

int nvjpegGetProperty(int property, int* value) {
  static const int VERSION[] = {13, 1, 0};
  *value = VERSION[property];
  return NVJPEG_STATUS_SUCCESS;
}

int nvjpegCreateEx(int way, void*, void*, unsigned flags, Handle** handle) {
  DEVICE_CALL;
  if (way == NVJPEG_BACKEND_HARDWARE && !sim::jpegEngines()) {
    return NVJPEG_STATUS_ARCH_MISMATCH;
  }
  *handle = new Handle{way, sim::currentDevice()};
  return flags == NVJPEG_FLAGS_UPSAMPLING_WITH_INTERPOLATION ? NVJPEG_STATUS_SUCCESS : NVJPEG_STATUS_INVALID_PARAMETER;
}

int nvjpegDestroy(Handle* handle) {
  delete handle;
  return NVJPEG_STATUS_SUCCESS;
}

int nvjpegJpegStateCreate(Handle* handle, State** state) {
  *state = new State{handle};
  return NVJPEG_STATUS_SUCCESS;
}

int nvjpegJpegStateDestroy(State* state) {
  DEVICE_CALL;
  // What it was asked for has no memory any more.
  int status = *state->busy ? NVJPEG_STATUS_INVALID_PARAMETER : NVJPEG_STATUS_SUCCESS;
  delete state;
  return status;
}

int nvjpegDecodeBatchedInitialize(Handle* handle, State* state, int batch, int threads, int format) {
  state->batch = batch;
  return handle == state->handle && batch == 1 && threads == 1 && format == NVJPEG_OUTPUT_RGBI
             ? NVJPEG_STATUS_SUCCESS
             : NVJPEG_STATUS_INVALID_PARAMETER;
}

int nvjpegGetImageInfo(Handle*, const uint8_t* data, size_t length, int* count, int* sampling, int* widths, int* heights) {
  try {
    File file(data, length);
    *count = (int)file.components.size();
    *sampling = NVJPEG_CSS_UNKNOWN;
    widths[0] = file.width;
    heights[0] = file.height;
    return NVJPEG_STATUS_SUCCESS;
  } catch (const Refused& refused) {
    return refused.status;
  }
}

int nvjpegDecodeBatched(Handle* handle, State* state, const uint8_t* const* files, const size_t* lengths, Image* images,
                        sim::Stream* stream) {
  DEVICE_CALL;
  if (state->batch != 1 || *state->busy || sim::currentDevice() != handle->device ||
      sim::deviceOf(stream) != handle->device) {
    return NVJPEG_STATUS_INVALID_PARAMETER;
  }
  const uint8_t* data = files[0];
  size_t length = lengths[0];
  Image image = images[0];
  try {
    File file(data, length);
    file.rgb();
    if (image.pitch[0] < 3 * (size_t)file.width || !sim::onDevice(image.channel[0], image.pitch[0] * file.height)) {
      return NVJPEG_STATUS_INVALID_PARAMETER;
    }
  } catch (const Refused& refused) {
    state->batch = 0;
    return refused.status;
  }
  std::shared_ptr<bool> busy = state->busy;
  auto work = [=] {
    File file(data, length);
    std::vector<uint8_t> pixels = file.rgb();
    for (int y = 0; y < file.height; y++) {
      memcpy(image.channel[0] + y * image.pitch[0], &pixels[(size_t)y * file.width * 3], 3 * (size_t)file.width);
    }
    sim::jpegs()++;
    *busy = false;
  };
  if (handle->way == NVJPEG_BACKEND_HARDWARE) {
    work();
    return NVJPEG_STATUS_SUCCESS;
  }
  *busy = true;
  return sim::enqueue(stream, work) == cudaSuccess ? (int)NVJPEG_STATUS_SUCCESS : (int)NVJPEG_STATUS_EXECUTION_FAILED;
}

}  // extern "C"
