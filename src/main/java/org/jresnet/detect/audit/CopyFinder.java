package org.jresnet.detect.audit;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jresnet.data.Duplicates;
import org.jresnet.data.Grouping;
import org.jresnet.data.Sample;
import org.jresnet.data.Split.Part;
import org.jresnet.detect.audit.AuditReport.Copies;
import org.jresnet.detect.audit.AuditReport.Groups;

/** Finds what is in a set more than once, and what belongs together. */
final class CopyFinder {
  private final Readings set;
  private final List<Integer> readable;

  CopyFinder(Readings set) {
    this.set = set;
    readable = set.readable();
  }

  /** Files with the same bytes. */
  Copies sameBytes() {
    Map<String, String> hashes = new HashMap<>();
    readable.forEach(i -> hashes.put(set.samples().get(i).id(), set.facts()[i].contentHash()));
    return copies(Duplicates.of(set.samples(), hashes).groups());
  }

  /** Files with the same pixels, at least two of which have other bytes. */
  Copies samePixels() {
    return copies(
        byPixels().values().stream()
            .filter(g -> g.stream().map(i -> set.facts()[i].contentHash()).distinct().count() > 1)
            .map(g -> g.stream().map(set.samples()::get).toList())
            .toList());
  }

  /** Images that look the same; of those with the same pixels, one. */
  Copies nearDuplicates() {
    List<Integer> distinct = byPixels().values().stream().map(g -> g.get(0)).toList();
    return copies(
        NearDuplicates.of(distinct.stream().map(i -> set.facts()[i]).toList()).stream()
            .map(g -> g.stream().map(i -> set.samples().get(distinct.get(i))).toList())
            .toList());
  }

  private Map<Long, List<Integer>> byPixels() {
    Map<Long, List<Integer>> groups = new LinkedHashMap<>();
    readable.forEach(
        i -> groups.computeIfAbsent(set.facts()[i].pixelHash(), h -> new ArrayList<>(1)).add(i));
    return groups;
  }

  private Copies copies(List<List<Sample>> groups) {
    Duplicates duplicates = new Duplicates(groups);
    return new Copies(
        groups.size(),
        duplicates.copies(),
        duplicates.acrossClasses().size(),
        (int) groups.stream().filter(this::isAcrossParts).count(),
        groups.stream()
            .sorted(Comparator.comparingInt(g -> isAcross(g) ? 0 : 1))
            .limit(AuditReport.MAX_LISTED)
            .map(g -> g.stream().limit(AuditReport.MAX_LISTED).map(Sample::id).toList())
            .toList());
  }

  private boolean isAcross(List<Sample> group) {
    return isAcrossParts(group) || group.stream().map(Sample::label).distinct().count() > 1;
  }

  private boolean isAcrossParts(List<Sample> group) {
    return group.stream().map(s -> set.parts().get(s.id())).distinct().count() > 1;
  }

  /** How the images of one group lie. */
  Groups groups(Grouping grouping) {
    Map<String, Integer> sizes = new TreeMap<>();
    Map<String, Set<Integer>> labels = new HashMap<>();
    Map<String, Set<Part>> parts = new HashMap<>();
    for (int i = 0; i < set.samples().size(); i++) {
      Sample s = set.samples().get(i);
      String key = grouping.key(set.groupId(i));
      sizes.merge(key, 1, Integer::sum);
      labels.computeIfAbsent(key, k -> new LinkedHashSet<>()).add(s.label());
      parts.computeIfAbsent(key, k -> new LinkedHashSet<>()).add(set.parts().get(s.id()));
    }
    Map<String, Integer> perClass = new LinkedHashMap<>();
    IntStream.range(0, set.classes().size())
        .forEach(
            label ->
                perClass.put(
                    set.classes().get(label),
                    (int) labels.values().stream().filter(l -> l.contains(label)).count()));
    List<String> across = sizes.keySet().stream().filter(k -> parts.get(k).size() > 1).toList();
    return new Groups(
        sizes.size(),
        sizes.values().stream().mapToInt(Integer::intValue).max().orElse(0),
        perClass,
        (int) labels.values().stream().filter(l -> l.size() > 1).count(),
        across.size(),
        across.stream().limit(AuditReport.MAX_LISTED).toList());
  }
}
