package org.jresnet.detect.audit;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.metrics.HammingIndex;
import org.jresnet.metrics.PerceptualHash;

/**
 * Finds images that look the same: copies that were encoded again, resized, or had up to 5 % cut
 * off. Two images are copies when one of them, after one of {@link Fields#CUTS}, has nearly the
 * hash of the other, and agrees with it in the detail. Copies of copies fall into one group.
 *
 * <p>{@code NearDuplicatesTest} says how many copies are found, and how many others.
 */
final class NearDuplicates {
  /** Differing bits of the 64 lowest frequencies that copies may have. */
  static final int LOW_BITS = 10;

  /** Differing bits of the 128 neighbours' differences. */
  static final int NEIGHBOUR_BITS = 20;

  /** What the detail of copies has in common at least: different faces may have near hashes. */
  static final double AGREEMENT = 0.85;

  private final int[] parent;

  private NearDuplicates(int count) {
    parent = new int[count];
    for (int i = 0; i < count; i++) {
      parent[i] = i;
    }
  }

  /**
   * Groups of indices, each with at least two, in order.
   *
   * @param images what is kept of each; those without hashes are never copies
   */
  static List<List<Integer>> of(List<ImageFacts> images) {
    NearDuplicates sets = new NearDuplicates(images.size());
    // Equal hashes are joined first: a thousand copies of one image are one word in the index.
    Map<PerceptualHash, Integer> distinct = new LinkedHashMap<>();
    for (int i = 0; i < images.size(); i++) {
      if (!images.get(i).hashes().isEmpty()) {
        Integer same = distinct.putIfAbsent(images.get(i).hashes().get(0), i);
        if (same != null) {
          sets.join(same, i);
        }
      }
    }
    List<PerceptualHash> whole = List.copyOf(distinct.keySet());
    int[] first = distinct.values().stream().mapToInt(Integer::intValue).toArray();
    HammingIndex index = new HammingIndex(whole.stream().mapToLong(PerceptualHash::low).toArray());
    for (int image : first) {
      ImageFacts facts = images.get(image);
      for (int c = 0; c < Fields.CUTS.length; c++) {
        PerceptualHash hash = facts.hashes().get(c);
        double[] cut = Fields.CUTS[c];
        index.near(
            hash.low(),
            LOW_BITS,
            found -> {
              if (hash.neighbourDistance(whole.get(found)) <= NEIGHBOUR_BITS
                  && sets.root(image) != sets.root(first[found])
                  && agree(facts, cut, images.get(first[found]))) {
                sets.join(image, first[found]);
              }
            });
      }
    }
    Map<Integer, List<Integer>> groups = new LinkedHashMap<>();
    for (int i = 0; i < images.size(); i++) {
      groups.computeIfAbsent(sets.root(i), r -> new ArrayList<>(1)).add(i);
    }
    return groups.values().stream().filter(g -> g.size() > 1).toList();
  }

  private static boolean agree(ImageFacts image, double[] cut, ImageFacts whole) {
    return Fields.agreement(
            Fields.of(image.fields(), cut), Fields.of(whole.fields(), Fields.CUTS[0]))
        >= AGREEMENT;
  }

  private int root(int i) {
    int at = i;
    while (parent[at] != at) {
      parent[at] = parent[parent[at]];
      at = parent[at];
    }
    return at;
  }

  private void join(int a, int b) {
    int low = Math.min(root(a), root(b));
    int high = Math.max(root(a), root(b));
    parent[high] = low;
  }
}
