package org.jresnet.data;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.data.Split.Part;

/**
 * Files with the same bytes.
 *
 * @param groups at least two samples each, in the order of their ids
 */
public record Duplicates(List<List<Sample>> groups) {
  /** Copies the groups. */
  public Duplicates {
    groups = groups.stream().map(List::copyOf).toList();
  }

  /**
   * Groups samples of the same content.
   *
   * @param hashes of the contents, by id; samples without one are left out
   */
  public static Duplicates of(List<Sample> samples, Map<String, String> hashes) {
    Map<String, List<Sample>> byContent = new LinkedHashMap<>();
    samples.stream()
        .filter(s -> hashes.containsKey(s.id()))
        .sorted(Comparator.comparing(Sample::id))
        .forEach(
            s -> byContent.computeIfAbsent(hashes.get(s.id()), h -> new ArrayList<>(1)).add(s));
    return new Duplicates(byContent.values().stream().filter(g -> g.size() > 1).toList());
  }

  /** Files that could be deleted without losing a content. */
  public int copies() {
    return groups.stream().mapToInt(g -> g.size() - 1).sum();
  }

  /** Groups with more than one label: at least one of their files is in the wrong folder. */
  public List<List<Sample>> acrossClasses() {
    return groups.stream()
        .filter(g -> g.stream().mapToInt(Sample::label).distinct().count() > 1)
        .toList();
  }

  /** Groups in more than one part of the split. */
  public List<List<Sample>> acrossParts(Split split) {
    Map<String, Part> parts = parts(split);
    return groups.stream()
        .filter(g -> g.stream().map(s -> parts.get(s.id())).distinct().count() > 1)
        .toList();
  }

  /** For each part but the training part, how many of its images are trained on as well. */
  public Map<Part, Integer> trainedOn(Split split) {
    Map<String, Part> parts = parts(split);
    Map<Part, Integer> counts = new EnumMap<>(Part.class);
    for (List<Sample> group : groups) {
      if (group.stream().anyMatch(s -> parts.get(s.id()) == Part.TRAIN)) {
        group.stream()
            .map(s -> parts.get(s.id()))
            .filter(p -> p != Part.TRAIN)
            .forEach(p -> counts.merge(p, 1, Integer::sum));
      }
    }
    return counts;
  }

  private static Map<String, Part> parts(Split split) {
    Map<String, Part> parts = new HashMap<>();
    split.parts().forEach((part, samples) -> samples.forEach(s -> parts.put(s.id(), part)));
    return parts;
  }
}
