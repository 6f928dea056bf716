package org.jresnet.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.Tensor;

/**
 * Places blocks that live for known spans of time into one address range, so that blocks alive at
 * the same time never overlap. Greedy by size (Pisarchyk and Lee 2020, arXiv:2001.03288, section
 * 5.2): the largest block first, each at the lowest gap that fits.
 */
final class MemoryPlan {
  /** What CUDA's allocator gives and GPUs read at once; a multiple of the CPU's cache line. */
  static final int ALIGNMENT = 256;

  /** A block of memory alive from step {@code first} to step {@code last}, both included. */
  static final class Block {
    final String name;
    final long bytes;
    int first;
    int last;
    private long offset = -1;

    Block(String name, long bytes, int first) {
      this.name = name;
      this.bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
      this.first = first;
      this.last = first;
    }

    /** Extends the life to the given step, in either direction. */
    Block live(int step) {
      first = Math.min(first, step);
      last = Math.max(last, step);
      return this;
    }

    long offset() {
      if (offset < 0) {
        throw new IllegalStateException(name + " is not placed yet");
      }
      return offset;
    }

    private boolean meets(Block other) {
      return first <= other.last && other.first <= last;
    }
  }

  private final List<Block> blocks = new ArrayList<>();
  private final Map<Value, Block> byValue = new LinkedHashMap<>();

  /** One block per value without memory, alive while the schedule needs it. */
  static MemoryPlan of(List<Action> actions) {
    MemoryPlan plan = new MemoryPlan();
    for (int step = 0; step < actions.size(); step++) {
      plan.touch(actions.get(step).reads(), step, actions.size());
      plan.touch(actions.get(step).writes(), step, actions.size());
    }
    return plan;
  }

  private void touch(List<Value> values, int step, int end) {
    for (Value value : values) {
      if (!value.given()) {
        Block block = byValue.computeIfAbsent(value, v -> block(v, step)).live(step);
        if (value.life == Value.Life.EXECUTABLE) {
          block.live(0).live(end);
        }
      }
    }
  }

  /** A block; it stays where it is if it is another executable's, which shares its memory. */
  private Block block(Value value, int step) {
    Block block = add(value.name, value.bytes(), step);
    if (value.placed()) {
      block.offset = value.tensor().offset();
    }
    return block;
  }

  /** Gives every value its place in the planned memory. */
  void bind(Buffer memory) {
    byValue.forEach(
        (value, block) -> {
          if (!value.placed()) {
            value.place(new Tensor(memory, block.offset(), value.type, value.elements));
          }
        });
  }

  Block add(String name, long bytes, int first) {
    Block block = new Block(name, bytes, first);
    blocks.add(block);
    return block;
  }

  /** Places all blocks and returns the bytes needed. */
  long place() {
    List<Block> placed = new ArrayList<>(blocks.stream().filter(b -> b.offset >= 0).toList());
    placed.sort(Comparator.comparingLong(b -> b.offset));
    List<Block> bySize = new ArrayList<>(blocks);
    bySize.removeAll(placed);
    bySize.sort(Comparator.comparingLong((Block b) -> b.bytes).reversed());
    long size = placed.stream().mapToLong(b -> b.offset + b.bytes).max().orElse(0);
    for (Block block : bySize) {
      long at = 0;
      for (Block other : placed) {
        if (!block.meets(other)) {
          continue;
        }
        if (other.offset - at >= block.bytes) {
          break;
        }
        at = Math.max(at, other.offset + other.bytes);
      }
      block.offset = at;
      size = Math.max(size, at + block.bytes);
      placed.add(block);
      placed.sort(Comparator.comparingLong(b -> b.offset));
    }
    return size;
  }

  List<Block> blocks() {
    return blocks;
  }
}
