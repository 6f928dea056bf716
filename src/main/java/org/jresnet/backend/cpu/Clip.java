package org.jresnet.backend.cpu;

import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.cpu.vector.Handout;
import org.jresnet.backend.cpu.vector.Words;
import org.jresnet.graph.DType;

/**
 * Makes a ReLU6 of the ReLU behind oneDNN's batch norm: numbers above 6 become 6, and in the mask
 * that oneDNN keeps for backward, one bit for each number in their order, those from 6 on lose
 * their bit. Such numbers are few, so nearly all that this costs is one look at y; a ReLU6 of its
 * own passes memory five times in both directions.
 *
 * <p>Numbers from 0 on are compared as integers. A word of memory has one number in F32 and two in
 * BF16, of which the bits of the lower one, moved up, are compared likewise.
 */
final class Clip implements Runnable {
  private static final int SIX = Float.floatToRawIntBits(6);
  private static final int INFINITY = Float.floatToRawIntBits(Float.POSITIVE_INFINITY);

  /** Words that are copied at a time; more than 2 kB come slower from outside the heap. */
  private static final int WORDS = 512;

  /** Words that a worker takes at a time. */
  private static final int BLOCK = 16 * WORDS;

  private final Workers workers;
  private final IntBuffer y;
  private final ByteBuffer mask;
  private final boolean half;
  private final int[][] places;
  private final Handout handout;
  private final Workers.Task task = this::clip;

  /**
   * Plans it.
   *
   * @param y F32 or BF16, a multiple of eight numbers
   * @param mask a bit for each of them
   */
  Clip(Workers workers, Tensor y, ByteBuffer mask) {
    this.workers = workers;
    this.mask = mask;
    this.y = CpuBuffer.bytes(y).asIntBuffer();
    half = y.type() == DType.BF16;
    places = new int[workers.count()][WORDS];
    handout = new Handout(workers.count(), (this.y.capacity() + BLOCK - 1) / BLOCK, 1);
  }

  /**
   * Checks that there is a Vector API and that oneDNN keeps one bit for each number.
   *
   * @param workspace bytes that it keeps
   * @throws UnsupportedOperationException if one is not so
   */
  static void require(OpSpec spec, long workspace) {
    if (VectorApi.supported() instanceof Support.No no) {
      throw new UnsupportedOperationException(
          "a batch norm takes a ReLU6 along in vectors alone: " + no.reason());
    }
    long elements = spec.y().elements();
    if (workspace < elements / Byte.SIZE || workspace >= 2 * elements / Byte.SIZE) {
      throw new UnsupportedOperationException(
          "a batch norm takes a ReLU6 along where oneDNN keeps a bit for each of the "
              + elements
              + " numbers, found "
              + workspace
              + " bytes");
    }
  }

  @Override
  public void run() {
    handout.start();
    workers.run(task);
  }

  private void clip(int worker) {
    int[] words = places[worker];
    for (int block = handout.take(worker); block >= 0; block = handout.take(worker)) {
      int last = Math.min((block + 1) * BLOCK, y.capacity());
      for (int at = block * BLOCK; at < last; at += WORDS) {
        int count = Math.min(WORDS, last - at);
        y.get(at, words, 0, count);
        int largest = half ? Words.largestOfHalves(words, count) : Words.largest(words, count);
        if (largest >= SIX && change(words, at, count)) {
          y.put(at, words, 0, count);
        }
      }
    }
  }

  /** Clips some words, a byte of the mask at a time. */
  private boolean change(int[] words, int at, int count) {
    int step = half ? Byte.SIZE / 2 : Byte.SIZE;
    boolean changed = false;
    for (int i = 0; i < count; i += step) {
      changed |= half ? changeHalves(words, i, at + i) : changeFloats(words, i, at + i);
    }
    return changed;
  }

  private boolean changeFloats(int[] words, int first, int at) {
    int bits = 0;
    for (int j = 0; j < Byte.SIZE; j++) {
      if (reached(words[first + j])) {
        bits |= 1 << j;
        words[first + j] = SIX;
      }
    }
    return take(at / Byte.SIZE, bits);
  }

  private boolean changeHalves(int[] words, int first, int at) {
    int bits = 0;
    for (int j = 0; j < Byte.SIZE; j++) {
      int word = words[first + j / 2];
      boolean low = j % 2 == 0;
      if (reached(low ? word << 16 : word & 0xFFFF0000)) {
        bits |= 1 << j;
        words[first + j / 2] = low ? word & 0xFFFF0000 | SIX >>> 16 : word & 0xFFFF | SIX;
      }
    }
    return take(at / (Byte.SIZE / 2), bits);
  }

  /** From 6 to infinity; what is not a number stays as it is. */
  private static boolean reached(int bits) {
    return bits >= SIX && bits <= INFINITY;
  }

  /** Takes bits from a byte of the mask; says whether there are any. */
  private boolean take(int at, int bits) {
    if (bits == 0) {
      return false;
    }
    int old = mask.get(at);
    if ((old & bits) != bits) {
      throw new IllegalStateException(
          "oneDNN's mask has no bit for each number above 0 in their order: byte "
              + at
              + " is "
              + (old & 0xFF)
              + ", expected the bits "
              + bits);
    }
    mask.put(at, (byte) (old & ~bits));
    return true;
  }
}
