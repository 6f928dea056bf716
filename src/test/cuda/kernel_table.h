// The kernels of kernels.cu by name, to be run on the CPU: blocks one after the other, the threads of a block in turns that
// change hands at __syncthreads, in random order.
#pragma once
#include "kernels.cu"

#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace host {

using Body = void (*)(void** arguments);

// A kernel; in the others no thread waits for another, so that one thread can do all the work.
struct Kernel {
  const char* name;
  int arguments;
  bool cooperates;
  Body body;
};

template <auto kernel>
struct Caller;

// Each argument is read from its address as CUDA reads it.
template <typename... A, void (*kernel)(A...)>
struct Caller<kernel> {
  static constexpr int count = sizeof...(A);

  template <size_t... I>
  static void callWith(void** arguments, std::index_sequence<I...>) {
    kernel(*(A*)arguments[I]...);
  }

  static void call(void** arguments) {
    callWith(arguments, std::index_sequence_for<A...>());
  }
};

#define ALONE(kernel) {#kernel, Caller<kernel>::count, false, Caller<kernel>::call},
#define TOGETHER(kernel) {#kernel, Caller<kernel>::count, true, Caller<kernel>::call},
#define TYPES(how, kernel) how(kernel##_float) how(kernel##_bf16) how(kernel##_f16)

static const Kernel KERNELS[] = {
    TYPES(TOGETHER, input) TYPES(ALONE, pack) TYPES(ALONE, unpack) TYPES(ALONE, block) TYPES(ALONE, packBlocked)
    TYPES(ALONE, unpackBlocked) TYPES(ALONE, fold) TYPES(ALONE, add)
    TYPES(ALONE, activation) TYPES(ALONE, activationBackward) TYPES(ALONE, mean) TYPES(ALONE, meanBackward)
    TYPES(TOGETHER, normPartials) TYPES(TOGETHER, normPartialsScalar) TYPES(TOGETHER, normFold)
    TYPES(ALONE, normApply) TYPES(ALONE, normApplyScalar) TYPES(ALONE, normAddApply) TYPES(ALONE, normAddApplyScalar)
    TYPES(TOGETHER, normSums) TYPES(TOGETHER, normSumsScalar) TOGETHER(normSumsFold)
    ALONE(normFinish) TYPES(ALONE, normBackward) TYPES(ALONE, normBackwardScalar)
    TYPES(ALONE, widen) TYPES(ALONE, narrow)
    TYPES(ALONE, channels) TYPES(ALONE, sliceBackward) TYPES(ALONE, shuffle) TYPES(ALONE, multiply)
    TYPES(ALONE, multiplySums) TYPES(ALONE, scale) TYPES(ALONE, dropout) TYPES(ALONE, average)
    TYPES(ALONE, averageBackward) TYPES(ALONE, upsample) TYPES(ALONE, upsampleBackward) TYPES(ALONE, unpool)
    TYPES(ALONE, unpoolBackward)
    TYPES(ALONE, addBias) TOGETHER(crossEntropy) TOGETHER(valueLoss) TOGETHER(lossSums)
    TOGETHER(inputBytes) ALONE(widenPixels) TOGETHER(foldBytes) ALONE(biasBytes) ALONE(maxPoolBytes) ALONE(meanBytes)
    ALONE(convBytes) ALONE(multiplyBytes)
    TOGETHER(squares) TOGETHER(sumUp) TOGETHER(decideUpdate) ALONE(adam) ALONE(sgd)};

inline const Kernel* find(const std::string& name) {
  for (const Kernel& kernel : KERNELS) {
    if (name == kernel.name) {
      return &kernel;
    }
  }
  return nullptr;
}

// The threads of one block as coroutines.
class Block {
 public:
  static void run(Body body, void** arguments, unsigned threads) {
    Block block(body, arguments, threads);
    current = &block;
    block.turns();
    current = nullptr;
  }

 private:
  static constexpr size_t STACK = 64 << 10;

  struct Thread {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(STACK);
    bool done = false;
  };

  Block(Body body, void** arguments, unsigned threads) : body(body), arguments(arguments), threads(threads) {
    for (Thread& t : this->threads) {
      getcontext(&t.context);
      t.context.uc_stack.ss_sp = t.stack.data();
      t.context.uc_stack.ss_size = STACK;
      t.context.uc_link = &scheduler;
      makecontext(&t.context, start, 0);
    }
  }

  static void start() {
    Block& block = *current;
    block.body(block.arguments);
    block.threads[block.running].done = true;
  }

  static void barrier() {
    Block& block = *current;
    swapcontext(&block.threads[block.running].context, &block.scheduler);
  }

  void turns() {
    static std::minstd_rand random(1);
    std::vector<unsigned> order(threads.size());
    for (unsigned i = 0; i < order.size(); i++) {
      order[i] = i;
    }
    hostBarrier = barrier;
    size_t finished = 0;
    while (finished < threads.size()) {
      std::shuffle(order.begin(), order.end(), random);
      for (unsigned thread : order) {
        running = threadIdx.x = thread;
        swapcontext(&scheduler, &threads[thread].context);
        finished += threads[thread].done;
      }
      if (finished > 0 && finished < threads.size()) {
        fprintf(stderr, "some threads of a block left the kernel while others wait at __syncthreads\n");
        abort();
      }
    }
    hostBarrier = nullptr;
    threadIdx.x = 0;
  }

  static inline Block* current = nullptr;
  Body body;
  void** arguments;
  std::vector<Thread> threads;
  ucontext_t scheduler;
  unsigned running = 0;
};

// Runs a kernel with so many blocks and threads.
inline void launch(const Kernel& kernel, unsigned blocks, unsigned threads, void** arguments) {
  gridDim.x = blocks;
  blockDim.x = threads;
  for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
    if (threads == 1) {
      kernel.body(arguments);
    } else {
      Block::run(kernel.body, arguments, threads);
    }
  }
}

}  // namespace host
