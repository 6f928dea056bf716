package org.jresnet.backend.cpu.vector;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The largest of some words of memory, which says whether a number in them reaches a bound. */
public final class Words {
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, Products.SPECIES.vectorShape());

  private Words() {}

  /** The largest of {@code count} words. */
  public static int largest(int[] words, int count) {
    IntVector most = IntVector.broadcast(INTS, Integer.MIN_VALUE);
    int whole = INTS.loopBound(count);
    for (int i = 0; i < whole; i += Products.LANES) {
      most = most.max(IntVector.fromArray(INTS, words, i));
    }
    int largest = most.reduceLanes(VectorOperators.MAX);
    for (int i = whole; i < count; i++) {
      largest = Math.max(largest, words[i]);
    }
    return largest;
  }

  /** The largest of the words and of their lower halves, moved up. */
  public static int largestOfHalves(int[] words, int count) {
    IntVector most = IntVector.broadcast(INTS, Integer.MIN_VALUE);
    int whole = INTS.loopBound(count);
    for (int i = 0; i < whole; i += Products.LANES) {
      IntVector both = IntVector.fromArray(INTS, words, i);
      most = most.max(both).max(both.lanewise(VectorOperators.LSHL, 16));
    }
    int largest = most.reduceLanes(VectorOperators.MAX);
    for (int i = whole; i < count; i++) {
      largest = Math.max(largest, Math.max(words[i], words[i] << 16));
    }
    return largest;
  }
}
