package org.jresnet.detect.forensic;

import java.util.ArrayList;
import java.util.List;

/**
 * What a detector is trained on. Every scene gives one real and one fake image, so that all
 * detectors see as many.
 *
 * @param name such as {@code nearest}, {@code all-but-nearest}, {@code all} or {@code hardened}
 * @param generators whose fakes it sees, in turn
 * @param hardening what half of its images went through
 */
record Detector(String name, List<String> generators, Hardening hardening) {
  /** What went through the removal; then three images in ten are degraded, too. */
  enum Hardening {
    /** Nothing. */
    NONE,
    /** Every second fake, as an attacker's would have. */
    FAKES,
    /** Every second image, real and fake alike. */
    BOTH
  }

  static final String ALL = "all";
  static final String HARDENED = "hardened";
  static final String BALANCED = "hardened-balanced";

  Detector {
    generators = List.copyOf(generators);
  }

  /** One for each generator, one for all but each, one for all, two that are hardened. */
  static List<Detector> all() {
    List<String> generators = ForensicSet.generators();
    List<Detector> detectors = new ArrayList<>();
    for (String g : generators) {
      detectors.add(new Detector(g, List.of(g), Hardening.NONE));
    }
    for (String g : generators) {
      List<String> others = generators.stream().filter(o -> !o.equals(g)).toList();
      detectors.add(new Detector(leftOut(g), others, Hardening.NONE));
    }
    detectors.add(new Detector(ALL, generators, Hardening.NONE));
    detectors.add(new Detector(HARDENED, generators, Hardening.FAKES));
    detectors.add(new Detector(BALANCED, generators, Hardening.BOTH));
    return detectors;
  }

  /** The detector that never saw a generator. */
  static String leftOut(String generator) {
    return "all-but-" + generator;
  }

  /**
   * The kind of real image that it gets of a scene: every second round of generators they were only
   * scaled.
   */
  String real(int scene) {
    int round = ForensicSet.turn(scene) / ForensicSet.generators().size();
    String kind = round % 2 == 0 ? ForensicSet.CAMERA : ForensicSet.BICUBIC;
    return hardening == Hardening.BOTH && inTurn(scene) ? ForensicSet.removed(kind) : kind;
  }

  /** The kind of fake that it gets of a scene. */
  String fake(int scene) {
    String kind = generators.get(ForensicSet.turn(scene) % generators.size());
    return hardened() && inTurn(scene) ? ForensicSet.removed(kind) : kind;
  }

  boolean hardened() {
    return hardening != Hardening.NONE;
  }

  /** Half of the scenes of each part: every second round of all generators and real kinds. */
  static boolean inTurn(int scene) {
    return ForensicSet.turn(scene) / (2 * ForensicSet.generators().size()) % 2 == 0;
  }
}
