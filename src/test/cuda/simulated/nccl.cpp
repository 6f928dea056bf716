// NCCL between the simulated GPUs of this process, as far as it adds up in place. A sum is made when the streams of all ranks
// have come to it, from what each has had when it came; from then on until it is made the memory holds nothing. So a stream
// that does not wait for what it adds up, or for the sum, shows as wrong results.
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "device.h"

namespace {

constexpr int DEFAULT_VERSION = 22903;

struct UniqueId {
  char internal[128];
};

struct Sum {
  size_t count;
  int type;
  int op;
  std::map<int, std::vector<float>> brought;
  std::vector<void*> places;
  bool made = false;

  size_t bytes() const {
    return count * (type == ncclFloat32 ? 4 : 2);
  }
};

// The ranks of an id.
struct Clique {
  int ranks;
  std::set<int> joined;
  std::map<uint64_t, std::shared_ptr<Sum>> sums;
  // A rank has left, so that no sum is made any more.
  bool broken = false;
};

struct Comm {
  std::shared_ptr<Clique> clique;
  int rank;
  int device;
  uint64_t sent = 0;
  bool left = false;
};

std::map<std::string, std::shared_ptr<Clique>>& cliques() {
  static auto* all = new std::map<std::string, std::shared_ptr<Clique>>;
  return *all;
}

std::map<Comm*, std::shared_ptr<Comm>>& living() {
  static auto* all = new std::map<Comm*, std::shared_ptr<Comm>>;
  return *all;
}

std::string& lastError() {
  static auto* text = new std::string;
  return *text;
}

int refused(int code, const std::string& what) {
  fprintf(stderr, "simulated NCCL: %s\n", what.c_str());
  lastError() = what;
  return code;
}

float fromBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// To even; of numbers that are none only their sign and that they are none is kept.
uint16_t toBf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return value != value ? (uint16_t)(bits >> 16 | 0x40) : (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float rounded(float value, int type) {
  return type == ncclFloat32 ? value : fromBits((uint32_t)toBf16(value) << 16);
}

std::vector<float> values(const void* from, const Sum& sum) {
  std::vector<float> read(sum.count);
  for (size_t i = 0; i < sum.count; i++) {
    read[i] = sum.type == ncclFloat32 ? ((const float*)from)[i] : fromBits((uint32_t)((const uint16_t*)from)[i] << 16);
  }
  return read;
}

// In the order of the ranks; each addition is rounded to the type.
void make(Sum& sum) {
  float factor = sum.op == ncclAvg ? 1.0f / sum.brought.size() : 1.0f;
  for (size_t i = 0; i < sum.count; i++) {
    float total = 0;
    for (auto& [rank, own] : sum.brought) {
      float next = rounded(own[i] * factor, sum.type);
      total = rank == 0 ? next : rounded(total + next, sum.type);
    }
    for (void* place : sum.places) {
      if (sum.type == ncclFloat32) {
        ((float*)place)[i] = total;
      } else {
        ((uint16_t*)place)[i] = toBf16(total);
      }
    }
  }
  sum.made = true;
}

// Asked whenever a rank's stream stands before a sum; whether it may go on.
bool over(const Comm& comm, Sum& sum, void* place) {
  if (sum.made || comm.left) {
    return true;
  }
  if (sum.brought.count(comm.rank) == 0) {
    if (!sim::onDevice(place, sum.bytes()) || sim::deviceOf(place) != comm.device) {
      sim::illegal("a sum over ranks in memory that is too small, freed or another device's");
      return true;
    }
    sum.brought[comm.rank] = values(place, sum);
    sum.places.push_back(place);
    memset(place, 0xff, sum.bytes());
    if ((int)sum.brought.size() == comm.clique->ranks && !comm.clique->broken) {
      make(sum);
    }
  }
  return sum.made;
}

}  // namespace

namespace sim {

int& ncclVersion() {
  static int version = DEFAULT_VERSION;
  return version;
}

int& cutOff() {
  static int device = -1;
  return device;
}

}  // namespace sim

extern "C" {

const char* ncclGetErrorString(int status) {
  return status == ncclSuccess           ? "no error"
         : status == ncclInvalidArgument ? "invalid argument"
         : status == ncclInvalidUsage    ? "invalid usage"
         : status == ncclRemoteError     ? "remote process exited or there was a network error"
                                         : "unhandled cuda error";
}

const char* ncclGetLastError(Comm*) {
  DEVICE_CALL;
  return lastError().c_str();
}

int ncclGetVersion(int* version) {
  DEVICE_CALL;
  *version = sim::ncclVersion() == 0 ? DEFAULT_VERSION : sim::ncclVersion();
  return ncclSuccess;
}

int ncclGetUniqueId(UniqueId* id) {
  DEVICE_CALL;
  static int made = 0;
  memset(id, 0, sizeof *id);
  snprintf(id->internal, sizeof id->internal, "id %d", made++);
  return ncclSuccess;
}

// Returns when all ranks have called it.
int ncclCommInitRank(Comm** made, int ranks, UniqueId id, int rank) {
  DEVICE_CALL;
  auto& clique = cliques()[std::string(id.internal, sizeof id.internal)];
  if (clique == nullptr) {
    clique = std::make_shared<Clique>(Clique{ranks, {}, {}});
  }
  if (clique->ranks != ranks || rank < 0 || rank >= ranks || !clique->joined.insert(rank).second) {
    return refused(ncclInvalidArgument, "the ranks do not fit together");
  }
  for (auto& [other, comm] : living()) {
    if (comm->clique == clique && comm->device == sim::currentDevice()) {
      return refused(ncclInvalidUsage, "Duplicate GPU detected");
    }
  }
  auto comm = std::make_shared<Comm>(Comm{clique, rank, sim::currentDevice()});
  living()[comm.get()] = comm;
  auto all = clique;
  while ((int)all->joined.size() < ranks) {
    sim::letOthers();
  }
  *made = comm.get();
  return ncclSuccess;
}

int ncclAllReduce(const void* from, void* to, size_t count, int type, int op, Comm* handle, sim::Stream* stream) {
  DEVICE_CALL;
  auto found = living().find(handle);
  if (found == living().end() || from != to || (type != ncclFloat32 && type != ncclBfloat16) ||
      (op != ncclSum && op != ncclAvg)) {
    return refused(ncclInvalidArgument, "a sum that is not simulated, or by who has left");
  }
  auto comm = found->second;
  if (sim::deviceOf(stream) != comm->device || sim::currentDevice() != comm->device || sim::records(stream)) {
    return refused(ncclInvalidUsage, "a sum on another device's stream, or in a graph");
  }
  auto& sum = comm->clique->sums[comm->sent++];
  if (sum == nullptr) {
    sum = std::make_shared<Sum>(Sum{count, type, op});
  } else if (sum->count != count || sum->type != type || sum->op != op) {
    return refused(ncclInvalidUsage, "rank " + std::to_string(comm->rank) + " adds up something else than the others");
  }
  int status = sim::enqueueUntil(stream, [comm, sum = sum, to] { return over(*comm, *sum, to); });
  return status == cudaSuccess ? (int)ncclSuccess : (int)ncclUnhandledCudaError;
}

int ncclCommGetAsyncError(Comm* handle, int* status) {
  DEVICE_CALL;
  auto found = living().find(handle);
  if (found == living().end()) {
    return refused(ncclInvalidArgument, "who has left asks for errors");
  }
  *status = found->second->device == sim::cutOff() ? (int)ncclRemoteError : (int)ncclSuccess;
  return ncclSuccess;
}

int ncclCommAbort(Comm* handle) {
  DEVICE_CALL;
  auto found = living().find(handle);
  if (found == living().end()) {
    return refused(ncclInvalidArgument, "who has left leaves again");
  }
  found->second->left = true;
  found->second->clique->broken = true;
  living().erase(found);
  return ncclSuccess;
}

}  // extern "C"
