package org.jresnet.detect.audit;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jresnet.data.ClassStatistics;
import org.jresnet.data.ImageInfo;
import org.jresnet.data.Sample;
import org.jresnet.data.Split.Part;

/**
 * A set of images after each has been read once.
 *
 * @param classes names in label order
 * @param samples all files
 * @param parts the part of each id, where the set has its own
 * @param facts of each sample, null where it could not be decoded
 * @param problems then why not
 */
record Readings(
    List<String> classes,
    List<Sample> samples,
    Map<String, Part> parts,
    ImageFacts[] facts,
    String[] problems) {
  /** Indices of the images that could be decoded. */
  List<Integer> readable() {
    return where(i -> facts[i] != null);
  }

  /** Indices of the images of a class that could be decoded. */
  List<Integer> readable(int label) {
    return where(i -> facts[i] != null && samples.get(i).label() == label);
  }

  private List<Integer> where(Predicate<Integer> condition) {
    List<Integer> found = new ArrayList<>();
    for (int i = 0; i < facts.length; i++) {
      if (condition.test(i)) {
        found.add(i);
      }
    }
    return found;
  }

  /** What a pattern of groups is matched with: the id without the part's folder. */
  String groupId(int index) {
    String id = samples.get(index).id();
    Part part = parts.get(id);
    return part == null ? id : id.substring(part.id().length() + 1);
  }

  /** Why images of a class could not be decoded, by id. */
  Map<String, String> unreadable(int label) {
    Map<String, String> reasons = new LinkedHashMap<>();
    for (int i = 0; i < facts.length; i++) {
      if (facts[i] == null && samples.get(i).label() == label) {
        reasons.put(samples.get(i).id(), problems[i]);
      }
    }
    return reasons;
  }

  /** What the heads say. */
  ClassStatistics statistics() {
    ImageInfo[] infos = new ImageInfo[facts.length];
    for (int i = 0; i < facts.length; i++) {
      infos[i] = facts[i] == null ? null : facts[i].info();
    }
    return ClassStatistics.of(classes, samples, infos, problems);
  }
}
