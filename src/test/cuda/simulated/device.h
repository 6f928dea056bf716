// GPUs that exist in this process alone, so that the whole cudnn backend can be tested where there is none: what the
// libraries of CUDA and cuDNN that it takes the place of share. It is no measure of speed, and it cannot show what only
// NVIDIA's code decides: which engines exist, and how they round.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>

#include "constants.h"

namespace sim {

struct Stream;

// One lock for all devices; every function of the libraries takes it.
std::recursive_mutex& mutex();

// Lets other threads in for a moment, for who waits for what they have yet to send.
void letOthers();

// Puts work behind what the stream has to do, or into the graph that it records.
int enqueue(Stream* stream, std::function<void()> work);

// The same for what other devices must come to, too: asked again and again whether it is over.
int enqueueUntil(Stream* stream, std::function<bool()> over);

// Whether the bytes lie in one block of device memory that has not been freed.
bool onDevice(const void* from, size_t bytes);

// The device that the calling thread uses, that of a stream, and that of a block of memory; -1 if there is none.
int currentDevice();
int deviceOf(Stream* stream);
int deviceOf(const void* memory);

// Whether the calling thread uses the stream's device, as who launches kernels must.
bool mayLaunch(Stream* stream);

// Whether the stream's work goes into a graph.
bool records(Stream* stream);

// What tests change: NCCL's version, and the device whose way to the others is broken, -1 if none is.
int& ncclVersion();
int& cutOff();

// How many plans cuDNN has made, and how many JPEG files nvJPEG has decoded.
int& plans();
int& jpegs();

// Whether devices have JPEG engines.
bool& jpegEngines();

// The work that runs right now did what would bring a GPU down: all later calls fail.
void illegal(const std::string& what);

// How many multiprocessors the device has.
unsigned multiprocessors();

// What the compiler says of each kernel.
std::string compilerLog();

// Whether the device is lost.
bool dead();

// Whether the engine that runs now is to lose the device, as a test has asked.
bool takesTheDevice();

// An engine was sent to a device that is lost.
void sentInVain();

// Rounded to the ten bits after the point that tensor cores take of a float.
inline float tf32(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  bits = (bits + 0x1000) & 0xffffe000;
  memcpy(&value, &bits, sizeof bits);
  return value;
}

}  // namespace sim

#define DEVICE_CALL std::lock_guard<std::recursive_mutex> guard(sim::mutex())
