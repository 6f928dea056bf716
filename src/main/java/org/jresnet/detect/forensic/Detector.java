package org.jresnet.detect.forensic;

import java.util.ArrayList;
import java.util.List;

/**
 * What a detector is trained on. Every scene gives one real and one fake image, so that all
 * detectors see as many.
 *
 * @param name such as {@code nearest}, {@code all-but-nearest}, {@code all} or {@code hardened}
 * @param generators whose fakes it sees, in turn
 * @param hardened whether half of its images, real and fake alike, went through the removal, and
 *     some through JPEG and blur
 */
record Detector(String name, List<String> generators, boolean hardened) {
  static final String ALL = "all";
  static final String HARDENED = "hardened";

  Detector {
    generators = List.copyOf(generators);
  }

  /** One for each generator, one for all but each, one for all, one that is hardened. */
  static List<Detector> all() {
    List<String> generators = ForensicSet.generators();
    List<Detector> detectors = new ArrayList<>();
    for (String g : generators) {
      detectors.add(new Detector(g, List.of(g), false));
    }
    for (String g : generators) {
      List<String> others = generators.stream().filter(o -> !o.equals(g)).toList();
      detectors.add(new Detector(leftOut(g), others, false));
    }
    detectors.add(new Detector(ALL, generators, false));
    detectors.add(new Detector(HARDENED, generators, true));
    return detectors;
  }

  /** The detector that never saw a generator. */
  static String leftOut(String generator) {
    return "all-but-" + generator;
  }

  /** The kind of real image that it gets of a scene: every second one was only scaled. */
  String real(int scene) {
    String kind = scene % 2 == 0 ? ForensicSet.CAMERA : ForensicSet.BICUBIC;
    return goesThroughRemoval(scene) ? ForensicSet.removed(kind) : kind;
  }

  /** The kind of fake that it gets of a scene. */
  String fake(int scene) {
    String kind = generators.get(scene / 4 % generators.size());
    return goesThroughRemoval(scene) ? ForensicSet.removed(kind) : kind;
  }

  boolean goesThroughRemoval(int scene) {
    return hardened && scene / 2 % 2 == 0;
  }
}
