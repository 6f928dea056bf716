// The CUDA runtime and driver: memory, streams, events, graphs, launches.
//
// Work in streams runs later than it is sent, in random order as far as streams and events allow: a stream is idle for a
// while, until somebody waits for what it has to do, and then for a while it works at every call. Fresh memory is full of NaN, and blocks have margins
// that must stay as they are. So what is missing in the order of things shows as wrong results.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>

#include "../kernel_table.h"
#include "device.h"

namespace sim {

struct Stream;

struct Event {
  Stream* sentTo = nullptr;
  uint64_t sent = 0;
  uint64_t passed = 0;
  double milliseconds = 0;
  // Recorded last within a graph, for other streams of the same recording.
  bool captured = false;
};

struct Task {
  std::function<void()> work;
  std::function<bool()> until;
  std::shared_ptr<Event> record;
  std::shared_ptr<Event> wait;
  uint64_t turn = 0;
};

struct Stream {
  std::deque<Task> queue;
  int mood = 0;
  int device = 0;
};

// What streams did while they recorded, in the order in which it was sent; branch 0 is the stream that began.
struct Graph {
  std::vector<std::pair<size_t, Task>> tasks;
  // Of a graph that can be launched: where the other branches run.
  std::vector<Stream*> branches;
};

// A stream that takes part in a recording: the first one, or one that has waited for an event of the recording.
struct Recording {
  Stream* stream;
  // Whether it has sent what the first stream does not wait for yet.
  bool unjoined = false;
};

static constexpr size_t MARGIN = 256;
static constexpr uint8_t MARGIN_BYTE = 0x5a;

struct Block {
  std::unique_ptr<uint8_t, decltype(&free)> storage;
  size_t bytes;
  bool device;
  int owner;
};

// What a thread records; others are not hindered.
struct Capture {
  std::vector<Recording> streams;
  bool spoilt = false;
  Graph recorded;
};

struct State {
  int devices = 1;
  std::map<uint8_t*, Block> blocks;
  std::set<Stream*> streams;
  std::map<void*, std::shared_ptr<Event>> events;
  std::set<Graph*> graphs;
  std::map<int, size_t> used;
  int last = cudaSuccess;
  bool dead = false;
  int waits = 0;
  bool doomed = false;
  int inVain = 0;
  bool idle = false;
  std::mt19937 random{20261124};
};

static State& state() {
  static State* s = new State;
  return *s;
}

static Capture& capture() {
  static thread_local Capture c;
  return c;
}

static int& current() {
  static thread_local int device = 0;
  return device;
}

// Whether the thread has said which device it uses. What the true runtime does for one that has not depends on the call,
// and the driver refuses it.
static bool& chosen() {
  static thread_local bool said = false;
  return said;
}

std::recursive_mutex& mutex() {
  static std::recursive_mutex* m = new std::recursive_mutex;
  return *m;
}

void letOthers() {
  mutex().unlock();
  std::this_thread::sleep_for(std::chrono::microseconds(100));
  mutex().lock();
}

static int failed(int code, const std::string& what) {
  fprintf(stderr, "simulated GPU: %s\n", what.c_str());
  state().last = code;
  return code;
}

void illegal(const std::string& what) {
  fprintf(stderr, "simulated GPU: %s\n", what.c_str());
  state().dead = true;
}

bool dead() {
  return state().dead;
}

unsigned multiprocessors() {
  return 1;
}

// In ptxas's form; registers and shared memory are made up.
std::string compilerLog() {
  std::string log;
  for (const host::Kernel& kernel : host::KERNELS) {
    log += std::string("ptxas info    : Compiling entry function '") + kernel.name + "' for 'sm_90'\n" +
           "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n" +
           "ptxas info    : Used 32 registers, used 1 barriers, 8192 bytes smem\n";
  }
  return log;
}

bool takesTheDevice() {
  bool doomed = state().doomed;
  state().doomed = false;
  return doomed;
}

void sentInVain() {
  state().inVain++;
}

static size_t capacity() {
  const char* megabytes = getenv("JRESNET_SIMULATED_MEMORY_MB");
  return (megabytes == nullptr ? 8192 : strtoull(megabytes, nullptr, 10)) << 20;
}

static const std::pair<uint8_t* const, Block>* blockOf(const void* from, size_t bytes) {
  auto& blocks = state().blocks;
  auto after = blocks.upper_bound((uint8_t*)from);
  if (after == blocks.begin()) {
    return nullptr;
  }
  auto& found = *std::prev(after);
  return (uint8_t*)from + bytes <= found.first + found.second.bytes ? &found : nullptr;
}

bool onDevice(const void* from, size_t bytes) {
  auto* block = blockOf(from, bytes);
  return block != nullptr && block->second.device;
}

int currentDevice() {
  return current();
}

bool mayLaunch(Stream* stream) {
  return chosen() && deviceOf(stream) == current();
}

int deviceOf(Stream* stream) {
  return state().streams.count(stream) == 0 ? -1 : stream->device;
}

int deviceOf(const void* memory) {
  auto* block = blockOf(memory, 0);
  return block == nullptr || !block->second.device ? -1 : block->second.owner;
}

static bool onHost(const void* from, size_t bytes) {
  auto* block = blockOf(from, bytes);
  return block != nullptr && !block->second.device;
}

static void checkMargins() {
  for (auto& [address, block] : state().blocks) {
    for (size_t i = 0; i < MARGIN; i++) {
      if (address[-1 - (long)i] != MARGIN_BYTE || address[block.bytes + i] != MARGIN_BYTE) {
        illegal("something was written outside a block of " + std::to_string(block.bytes) + " bytes");
        return;
      }
    }
  }
}

static double now() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Runs the next task of a stream; false if there is none or it waits for another stream or device.
static bool advance(Stream* stream) {
  if (stream->queue.empty()) {
    return false;
  }
  Task& next = stream->queue.front();
  if (next.wait && next.wait->passed < next.turn) {
    return false;
  }
  if (next.until && !state().dead && !next.until()) {
    return false;
  }
  Task task = std::move(next);
  stream->queue.pop_front();
  if (state().dead) {
    return true;
  }
  if (task.work) {
    task.work();
  }
  if (task.record) {
    task.record->passed = task.turn;
    task.record->milliseconds = now();
  }
  return true;
}

// Lets the streams that are not idle do some of their work.
static void passTime() {
  if (state().idle) {
    return;
  }
  for (Stream* stream : state().streams) {
    if (stream->mood == 0) {
      stream->mood = (int)(state().random() % 2000) - 1000;
    }
    bool idle = stream->mood < 0;
    stream->mood += idle ? 1 : -1;
    for (int i = idle ? 0 : 20; i > 0 && advance(stream); i--) {
    }
  }
}

// Runs that stream first, if there is one, and the others as far as it takes. The lock may be lost for a while, because
// another device's thread has yet to send what a stream waits for.
template <typename Condition>
static void runUntil(Stream* first, Condition condition) {
  while (!condition()) {
    if (first != nullptr && advance(first)) {
      continue;
    }
    bool moved = false;
    bool others = false;
    for (Stream* stream : state().streams) {
      moved = moved || advance(stream);
      others = others || (!stream->queue.empty() && stream->queue.front().until);
    }
    if (!moved && !others) {
      illegal("a stream waits for what nobody has sent");
      return;
    } else if (!moved) {
      letOthers();
    }
  }
}

// All that was sent to the calling thread's device.
static void runAll() {
  int device = current();
  runUntil(nullptr, [&] {
    auto& streams = state().streams;
    return std::all_of(streams.begin(), streams.end(),
                       [&](Stream* stream) { return stream->device != device || stream->queue.empty(); });
  });
}

// The branch of a recording that a stream is; -1 if it records nothing.
static int branchOf(Stream* stream) {
  auto& recording = capture().streams;
  for (size_t i = 0; i < recording.size(); i++) {
    if (recording[i].stream == stream) {
      return (int)i;
    }
  }
  return -1;
}

bool records(Stream* stream) {
  return branchOf(stream) >= 0;
}

static int send(Stream* stream, Task task) {
  State& s = state();
  if (s.dead) {
    return cudaErrorIllegalAddress;
  }
  if (s.streams.count(stream) == 0) {
    return failed(cudaErrorInvalidResourceHandle, "there is no such stream");
  }
  int branch = branchOf(stream);
  if (branch >= 0) {
    Capture& c = capture();
    c.streams[branch].unjoined = c.streams[branch].unjoined || (branch > 0 && task.work);
    c.recorded.tasks.emplace_back(branch, std::move(task));
    return cudaSuccess;
  }
  stream->queue.push_back(std::move(task));
  passTime();
  return cudaSuccess;
}

int enqueue(Stream* stream, std::function<void()> work) {
  Task task;
  task.work = std::move(work);
  return send(stream, std::move(task));
}

int enqueueUntil(Stream* stream, std::function<bool()> over) {
  Task task;
  task.until = std::move(over);
  return send(stream, std::move(task));
}

// Calls that a thread must not make while it records.
static int forbiddenWhileRecording(const char* call) {
  State& s = state();
  if (s.dead) {
    return cudaErrorIllegalAddress;
  }
  if (!capture().streams.empty()) {
    capture().spoilt = true;
    return failed(cudaErrorStreamCaptureUnsupported, std::string(call) + " while a graph is recorded");
  }
  passTime();
  return cudaSuccess;
}

static int allocate(void** address, size_t bytes, bool device) {
  State& s = state();
  if (device && s.used[current()] + bytes > capacity()) {
    s.last = cudaErrorMemoryAllocation;
    return cudaErrorMemoryAllocation;
  }
  size_t whole = (bytes + 2 * MARGIN + 255) / 256 * 256;
  auto* raw = (uint8_t*)aligned_alloc(256, whole);
  if (raw == nullptr) {
    s.last = cudaErrorMemoryAllocation;
    return cudaErrorMemoryAllocation;
  }
  memset(raw, MARGIN_BYTE, whole);
  memset(raw + MARGIN, 0xff, bytes);
  s.blocks.emplace(raw + MARGIN, Block{{raw, free}, bytes, device, current()});
  s.used[current()] += device ? bytes : 0;
  *address = raw + MARGIN;
  return cudaSuccess;
}

static int release(void* address, bool device) {
  State& s = state();
  auto found = s.blocks.find((uint8_t*)address);
  if (found == s.blocks.end() || found->second.device != device) {
    return failed(cudaErrorInvalidValue, "what is freed was not allocated");
  }
  checkMargins();
  s.used[found->second.owner] -= device ? found->second.bytes : 0;
  s.blocks.erase(found);
  return cudaSuccess;
}

static std::shared_ptr<Event> eventOf(void* handle) {
  auto found = state().events.find(handle);
  return found == state().events.end() ? nullptr : found->second;
}

static const std::map<int, std::pair<const char*, const char*>> ERRORS = {
    {cudaSuccess, {"cudaSuccess", "no error"}},
    {cudaErrorInvalidValue, {"cudaErrorInvalidValue", "invalid argument"}},
    {cudaErrorMemoryAllocation, {"cudaErrorMemoryAllocation", "out of memory"}},
    {cudaErrorInvalidDevice, {"cudaErrorInvalidDevice", "invalid device ordinal"}},
    {cudaErrorInvalidResourceHandle, {"cudaErrorInvalidResourceHandle", "invalid resource handle"}},
    {cudaErrorIllegalAddress, {"cudaErrorIllegalAddress", "an illegal memory access was encountered"}},
    {cudaErrorStreamCaptureUnsupported,
     {"cudaErrorStreamCaptureUnsupported", "operation not permitted when stream is capturing"}},
    {cudaErrorStreamCaptureInvalidated,
     {"cudaErrorStreamCaptureInvalidated", "operation failed due to a previous error during capture"}},
    {cudaErrorStreamCaptureUnjoined,
     {"cudaErrorStreamCaptureUnjoined", "capturing stream has unjoined work"}},
    {cudaErrorCapturedEvent, {"cudaErrorCapturedEvent", "operation not permitted on an event last recorded in a capturing stream"}},
    {cudaErrorStreamCaptureIsolation,
     {"cudaErrorStreamCaptureIsolation", "dependency created on uncaptured work in another stream"}}};

}  // namespace sim

using namespace sim;

extern "C" {

int cudaGetLastError() {
  DEVICE_CALL;
  int last = state().last;
  state().last = cudaSuccess;
  return last;
}

const char* cudaGetErrorName(int code) {
  auto found = ERRORS.find(code);
  return found == ERRORS.end() ? "error" : found->second.first;
}

const char* cudaGetErrorString(int code) {
  auto found = ERRORS.find(code);
  return found == ERRORS.end() ? "an error of the simulated GPU" : found->second.second;
}

int cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

int cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

int cudaGetDeviceCount(int* count) {
  DEVICE_CALL;
  *count = state().devices;
  return cudaSuccess;
}

static int known(int device) {
  return device >= 0 && device < state().devices ? (int)cudaSuccess : (int)cudaErrorInvalidDevice;
}

int cudaSetDevice(int device) {
  DEVICE_CALL;
  if (known(device) == cudaSuccess) {
    current() = device;
    chosen() = true;
  }
  return known(device);
}

int cudaDeviceGetPCIBusId(char* text, int length, int device) {
  DEVICE_CALL;
  snprintf(text, length, "0000:%02x:00.0", device + 1);
  return known(device);
}

// The first fields of cudaDeviceProp in CUDA 13, as far as they are read.
struct Properties {
  char name[256];
  char ids[28];
  size_t totalGlobalMem;
  size_t sharedMemPerBlock;
  int regsPerBlock;
  int warpSize;
  size_t memPitch;
  int maxThreadsPerBlock;
  int maxThreadsDim[3];
  int maxGridSize[3];
  size_t totalConstMem;
  int major;
  int minor;
  size_t textures[2];
  int multiProcessorCount;
};

int cudaGetDeviceProperties(Properties* p, int device) {
  strcpy(p->name, "simulated GPU");
  p->totalGlobalMem = capacity();
  p->sharedMemPerBlock = 48 << 10;
  p->regsPerBlock = 65536;
  p->warpSize = 32;
  p->maxThreadsPerBlock = 1024;
  p->major = 9;
  p->minor = 0;
  p->multiProcessorCount = (int)multiprocessors();
  return known(device);
}

// No attributes of CUDA's: how often the host has waited for work that was not done; the next engine loses the device; a
// device as in a new process, and how many engines were sent to the lost one; so many devices there are; NCCL's version; the
// device that the others cannot be reached from; how many plans cuDNN has made;
// whether it does nothing until somebody waits; how many JPEG files nvJPEG has decoded; whether there are engines for them. For
// the three before the plans the device is that number, for the two that begin with "whether" 1 or 0.
static constexpr int WAITS = 1000000;
static constexpr int LOSE = 1000001;
static constexpr int REVIVE = 1000002;
static constexpr int DEVICES = 1000003;
static constexpr int NCCL_VERSION_IS = 1000004;
static constexpr int CUT_OFF = 1000005;
static constexpr int PLANS = 1000006;
static constexpr int IDLE = 1000007;
static constexpr int JPEGS = 1000008;
static constexpr int JPEG_ENGINES = 1000009;

int cudaDeviceGetAttribute(int* value, int attribute, int number) {
  DEVICE_CALL;
  State& s = state();
  *value = attribute == cudaDevAttrL2CacheSize ? 1 << 16
           : attribute == WAITS                 ? s.waits
           : attribute == PLANS                 ? plans()
           : attribute == JPEGS                 ? jpegs()
                                                : 0;
  if (attribute == LOSE) {
    s.doomed = true;
  } else if (attribute == REVIVE) {
    *value = s.inVain;
    s.inVain = 0;
    s.dead = false;
    s.doomed = false;
  } else if (attribute == DEVICES) {
    s.devices = number;
  } else if (attribute == NCCL_VERSION_IS) {
    ncclVersion() = number;
  } else if (attribute == CUT_OFF) {
    cutOff() = number;
  } else if (attribute == IDLE) {
    s.idle = number == 1;
  } else if (attribute == JPEG_ENGINES) {
    jpegEngines() = number == 1;
  }
  return cudaSuccess;
}

int cudaMemGetInfo(size_t* free, size_t* total) {
  DEVICE_CALL;
  *free = capacity() - state().used[current()];
  *total = capacity();
  return cudaSuccess;
}

int cudaMalloc(void** address, size_t bytes) {
  DEVICE_CALL;
  int status = forbiddenWhileRecording("cudaMalloc");
  return status != cudaSuccess ? status : allocate(address, bytes, true);
}

// Waits for the device, as the true one does.
int cudaFree(void* address) {
  DEVICE_CALL;
  int status = forbiddenWhileRecording("cudaFree");
  if (status != cudaSuccess) {
    return status;
  }
  runAll();
  return release(address, true);
}

int cudaHostAlloc(void** address, size_t bytes, unsigned) {
  DEVICE_CALL;
  int status = forbiddenWhileRecording("cudaHostAlloc");
  return status != cudaSuccess ? status : allocate(address, bytes, false);
}

// Does not wait: who frees what a copy still needs has made a mistake.
int cudaFreeHost(void* address) {
  DEVICE_CALL;
  int status = forbiddenWhileRecording("cudaFreeHost");
  return status != cudaSuccess ? status : release(address, false);
}

int cudaStreamCreateWithFlags(Stream** stream, unsigned flags) {
  DEVICE_CALL;
  if (flags != cudaStreamNonBlocking) {
    return failed(cudaErrorInvalidValue, "streams that wait for the default stream are not simulated");
  }
  *stream = new Stream;
  (*stream)->device = current();
  state().streams.insert(*stream);
  return cudaSuccess;
}

int cudaStreamDestroy(Stream* stream) {
  DEVICE_CALL;
  if (state().streams.count(stream) == 0) {
    return failed(cudaErrorInvalidResourceHandle, "there is no such stream");
  }
  runUntil(stream, [&] { return stream->queue.empty(); });
  state().streams.erase(stream);
  delete stream;
  return cudaSuccess;
}

int cudaStreamSynchronize(Stream* stream) {
  DEVICE_CALL;
  int status = forbiddenWhileRecording("cudaStreamSynchronize");
  if (status != cudaSuccess) {
    return status;
  }
  if (state().streams.count(stream) == 0) {
    return failed(cudaErrorInvalidResourceHandle, "there is no such stream");
  }
  state().waits += !stream->queue.empty();
  runUntil(stream, [&] { return stream->queue.empty(); });
  checkMargins();
  return state().dead ? (int)cudaErrorIllegalAddress : (int)cudaSuccess;
}

int cudaEventCreateWithFlags(void** event, unsigned) {
  DEVICE_CALL;
  *event = malloc(1);
  state().events[*event] = std::make_shared<Event>();
  return cudaSuccess;
}

int cudaEventDestroy(void* event) {
  DEVICE_CALL;
  state().events.erase(event);
  free(event);
  return cudaSuccess;
}

static int record(void* handle, Stream* stream, bool external) {
  auto event = eventOf(handle);
  if (event == nullptr) {
    return failed(cudaErrorInvalidResourceHandle, "there is no such event");
  }
  bool captured = branchOf(stream) >= 0;
  Task task;
  task.record = event;
  event->captured = captured && !external;
  event->sentTo = stream;
  if (!captured) {
    task.turn = ++event->sent;
  }
  return send(stream, std::move(task));
}

int cudaEventRecord(void* event, Stream* stream) {
  DEVICE_CALL;
  return record(event, stream, false);
}

int cudaEventRecordWithFlags(void* event, Stream* stream, unsigned flags) {
  DEVICE_CALL;
  return record(event, stream, flags == cudaEventRecordExternal);
}

int cudaStreamWaitEvent(Stream* stream, void* handle, unsigned) {
  DEVICE_CALL;
  auto event = eventOf(handle);
  if (event == nullptr) {
    return failed(cudaErrorInvalidResourceHandle, "there is no such event");
  }
  int branch = branchOf(stream);
  int from = event->captured ? branchOf(event->sentTo) : -1;
  if (branch >= 0 && from < 0) {
    capture().spoilt = true;
    return failed(cudaErrorStreamCaptureIsolation, "a graph that is recorded waits for work outside");
  }
  Task task;
  task.wait = event;
  task.turn = event->sent;
  if (from >= 0 && branch < 0) {
    // The stream takes part in the recording from here on.
    capture().streams.push_back({stream});
  } else if (branch == 0 && from > 0) {
    // All that was sent before the event, which the stream recorded last.
    auto& tasks = capture().recorded.tasks;
    auto last = std::find_if(tasks.rbegin(), tasks.rend(), [&](auto& sent) { return sent.first == (size_t)from; });
    capture().streams[from].unjoined = last->second.record != event;
  }
  return send(stream, std::move(task));
}

int cudaEventQuery(void* handle) {
  DEVICE_CALL;
  auto event = eventOf(handle);
  if (event == nullptr) {
    return failed(cudaErrorInvalidResourceHandle, "there is no such event");
  }
  passTime();
  return state().dead                    ? (int)cudaErrorIllegalAddress
         : event->passed >= event->sent ? (int)cudaSuccess
                                        : (int)cudaErrorNotReady;
}

int cudaEventSynchronize(void* handle) {
  DEVICE_CALL;
  int status = forbiddenWhileRecording("cudaEventSynchronize");
  auto event = eventOf(handle);
  if (status != cudaSuccess || event == nullptr) {
    return status != cudaSuccess ? status : failed(cudaErrorInvalidResourceHandle, "there is no such event");
  } else if (event->captured) {
    return failed(cudaErrorCapturedEvent, "the host waits for an event inside a graph");
  }
  uint64_t turn = event->sent;
  if (turn > event->passed) {
    state().waits++;
    runUntil(event->sentTo, [&] { return event->passed >= turn || state().dead; });
  }
  return state().dead ? (int)cudaErrorIllegalAddress : (int)cudaSuccess;
}

int cudaEventElapsedTime(float* milliseconds, void* start, void* end) {
  DEVICE_CALL;
  auto from = eventOf(start);
  auto to = eventOf(end);
  if (from == nullptr || to == nullptr || from->passed == 0 || to->passed == 0) {
    return failed(cudaErrorInvalidResourceHandle, "a time between events that have not been passed");
  }
  *milliseconds = (float)(to->milliseconds - from->milliseconds);
  return cudaSuccess;
}

int cudaMemcpyAsync(void* to, const void* from, size_t bytes, int direction, Stream* stream) {
  DEVICE_CALL;
  return enqueue(stream, [=] {
    bool there = direction == cudaMemcpyDeviceToHost ? onHost(to, bytes) : onDevice(to, bytes);
    bool here = direction == cudaMemcpyHostToDevice ? onHost(from, bytes) : onDevice(from, bytes);
    if (!there || !here) {
      illegal("a copy of " + std::to_string(bytes) + " bytes from or to memory that is not pinned, too small or freed");
      return;
    }
    memmove(to, from, bytes);
  });
}

int cudaMemsetAsync(void* to, int value, size_t bytes, Stream* stream) {
  DEVICE_CALL;
  return enqueue(stream, [=] {
    if (!onDevice(to, bytes)) {
      illegal("memory to be cleared is too small or freed");
      return;
    }
    memset(to, value, bytes);
  });
}

int cudaStreamBeginCapture(Stream* stream, int mode) {
  DEVICE_CALL;
  Capture& c = capture();
  if (!c.streams.empty() || mode != cudaStreamCaptureModeThreadLocal) {
    return failed(cudaErrorInvalidValue, "a thread records one graph at a time");
  }
  c.streams = {{stream}};
  c.spoilt = false;
  c.recorded = {};
  return cudaSuccess;
}

int cudaStreamEndCapture(Stream* stream, Graph** graph) {
  DEVICE_CALL;
  Capture& c = capture();
  if (branchOf(stream) != 0) {
    return failed(cudaErrorInvalidValue, "this stream records nothing");
  }
  bool unjoined = std::any_of(c.streams.begin(), c.streams.end(), [](auto& r) { return r.unjoined; });
  c.recorded.branches.resize(c.streams.size() - 1);
  c.streams.clear();
  if (c.spoilt || unjoined) {
    *graph = nullptr;
    return c.spoilt ? failed(cudaErrorStreamCaptureInvalidated, "the graph is spoilt")
                    : failed(cudaErrorStreamCaptureUnjoined, "a stream of the graph has work that the first one does not wait for");
  }
  *graph = new Graph(std::move(c.recorded));
  state().graphs.insert(*graph);
  return cudaSuccess;
}

static int destroy(Graph* graph) {
  if (state().graphs.erase(graph) == 0) {
    return failed(cudaErrorInvalidResourceHandle, "there is no such graph");
  }
  for (Stream* branch : graph->branches) {
    if (branch != nullptr) {
      runUntil(branch, [&] { return branch->queue.empty(); });
      state().streams.erase(branch);
      delete branch;
    }
  }
  delete graph;
  return cudaSuccess;
}

int cudaGraphDestroy(Graph* graph) {
  DEVICE_CALL;
  return destroy(graph);
}

int cudaGraphExecDestroy(Graph* graph) {
  DEVICE_CALL;
  return destroy(graph);
}

int cudaGraphInstantiate(Graph** made, Graph* graph, unsigned long long) {
  DEVICE_CALL;
  *made = new Graph(*graph);
  for (Stream*& branch : (*made)->branches) {
    branch = new Stream;
    branch->device = current();
    state().streams.insert(branch);
  }
  state().graphs.insert(*made);
  return cudaSuccess;
}

int cudaGraphLaunch(Graph* graph, Stream* stream) {
  DEVICE_CALL;
  if (state().graphs.count(graph) == 0) {
    return failed(cudaErrorInvalidResourceHandle, "there is no such graph");
  }
  for (auto [branch, task] : graph->tasks) {
    Stream* target = branch == 0 ? stream : graph->branches[branch - 1];
    if (task.record) {
      task.turn = ++task.record->sent;
      task.record->sentTo = target;
    } else if (task.wait) {
      task.turn = task.wait->sent;
    }
    int status = send(target, std::move(task));
    if (status != cudaSuccess) {
      return status;
    }
  }
  return cudaSuccess;
}

int cuGetErrorName(int code, const char** name) {
  *name = cudaGetErrorName(code);
  return CUDA_SUCCESS;
}

// The machine code is a name; the kernels are compiled in.
int cuModuleLoadData(void** module, const void* image) {
  *module = (void*)host::KERNELS;
  return strcmp((const char*)image, "simulated") == 0 ? (int)CUDA_SUCCESS : (int)CUDA_ERROR_INVALID_IMAGE;
}

int cuModuleUnload(void*) {
  return CUDA_SUCCESS;
}

int cuModuleGetFunction(const host::Kernel** function, void*, const char* name) {
  *function = host::find(name);
  return *function == nullptr ? (int)CUDA_ERROR_NOT_FOUND : (int)CUDA_SUCCESS;
}

int cuLaunchKernel(const host::Kernel* kernel, unsigned blocks, unsigned blocksY, unsigned blocksZ, unsigned threads,
                   unsigned threadsY, unsigned threadsZ, unsigned sharedBytes, Stream* stream, void** arguments, void**) {
  DEVICE_CALL;
  if (blocks == 0 || threads == 0 || threads > 1024 || (threads & (threads - 1)) != 0 || sharedBytes != 0 ||
      blocksY * blocksZ * threadsY * threadsZ != 1) {
    return failed(CUDA_ERROR_INVALID_VALUE, std::string("an impossible launch of ") + kernel->name);
  } else if (!mayLaunch(stream)) {
    return failed(chosen() ? CUDA_ERROR_INVALID_HANDLE : CUDA_ERROR_INVALID_CONTEXT,
                  std::string(kernel->name) + " is launched by a thread on another device, or on none");
  }
  std::vector<uint64_t> values;
  for (int i = 0; i < kernel->arguments; i++) {
    values.push_back(*(uint64_t*)arguments[i]);
  }
  return enqueue(stream, [=]() mutable {
    std::vector<void*> pointers;
    for (uint64_t& value : values) {
      pointers.push_back(&value);
    }
    // Threads that do not cooperate do the same work as one alone; of those that do, a few show all there is to see.
    if (kernel->cooperates) {
      host::launch(*kernel, blocks, std::min(threads, 8u), pointers.data());
    } else {
      host::launch(*kernel, 1, 1, pointers.data());
    }
  });
}

}  // extern "C"
