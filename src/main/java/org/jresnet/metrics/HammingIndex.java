package org.jresnet.metrics;

import java.util.function.IntConsumer;

/**
 * Finds 64-bit words that differ from a given one in few bits, without comparing it to all (Norouzi
 * et al. 2012, <a href="https://arxiv.org/abs/1307.2982">Fast exact search in Hamming space with
 * multi-index hashing</a>): of two words that differ in at most {@code r} bits, one of the four
 * quarters differs in at most {@code r/4}, so only words with such a quarter are looked at.
 */
public final class HammingIndex {
  /** Larger distances would need more tries than words. */
  public static final int MAX_RADIUS = 11;

  private static final int QUARTERS = 4;
  private static final int BITS = 16;
  private static final int VALUES = 1 << BITS;

  private final long[] words;

  /** Where the words with each value of a quarter begin in {@link #order}. */
  private final int[][] starts = new int[QUARTERS][VALUES + 1];

  private final int[][] order;

  /** Of these words. */
  public HammingIndex(long[] words) {
    this.words = words.clone();
    order = new int[QUARTERS][words.length];
    for (int q = 0; q < QUARTERS; q++) {
      for (long word : words) {
        starts[q][quarter(word, q) + 1]++;
      }
      for (int v = 0; v < VALUES; v++) {
        starts[q][v + 1] += starts[q][v];
      }
      int[] next = starts[q].clone();
      for (int i = 0; i < words.length; i++) {
        order[q][next[quarter(words[i], q)]++] = i;
      }
    }
  }

  private static int quarter(long word, int q) {
    return (int) (word >>> (BITS * q)) & (VALUES - 1);
  }

  /**
   * Gives the indices of all words that differ from {@code word} in at most {@code radius} bits,
   * each once.
   *
   * @param radius 0 to {@value #MAX_RADIUS}
   */
  public void near(long word, int radius, IntConsumer found) {
    if (radius < 0 || radius > MAX_RADIUS) {
      throw new IllegalArgumentException("the radius lies between 0 and 11, found " + radius);
    }
    int flips = radius / QUARTERS;
    for (int q = 0; q < QUARTERS; q++) {
      int value = quarter(word, q);
      look(word, q, value, radius, found);
      for (int a = 0; a < BITS && flips > 0; a++) {
        look(word, q, value ^ 1 << a, radius, found);
        for (int b = 0; b < a && flips > 1; b++) {
          look(word, q, value ^ 1 << a ^ 1 << b, radius, found);
        }
      }
    }
  }

  private void look(long word, int q, int value, int radius, IntConsumer found) {
    for (int i = starts[q][value]; i < starts[q][value + 1]; i++) {
      long differences = words[order[q][i]] ^ word;
      if (Long.bitCount(differences) <= radius && first(differences, radius / QUARTERS) == q) {
        found.accept(order[q][i]);
      }
    }
  }

  /** The first quarter with few enough differences: where a word is reported. */
  private static int first(long differences, int flips) {
    int q = 0;
    while (Integer.bitCount(quarter(differences, q)) > flips) {
      q++;
    }
    return q;
  }
}
