package org.jresnet.engine;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.backend.Pass;
import org.jresnet.engine.Schedule.Segment;

/**
 * Which groups are computed twice (Chen et al. 2016, <a
 * href="https://arxiv.org/abs/1604.06174">arXiv:1604.06174</a>). A residual block is a stretch of
 * several groups between two places where all that is needed later goes through one activation;
 * these activations stay in memory.
 */
final class Checkpoints {
  private Checkpoints() {}

  /**
   * Stretches of so many blocks each. The last one is left out: its backward comes right after its
   * forward, so forgetting it would save nothing.
   */
  static List<Segment> segments(List<Group> groups, int blocks) {
    List<Segment> segments = new ArrayList<>();
    if (blocks > 0) {
      List<Segment> all = blocks(groups);
      for (int b = 0; b + blocks < all.size(); b += blocks) {
        Segment segment = new Segment(all.get(b).first(), all.get(b + blocks - 1).last());
        boolean trains =
            groups.subList(segment.first(), segment.last() + 1).stream()
                .anyMatch(group -> group.spec().pass() == Pass.TRAINING);
        if (trains) {
          segments.add(segment);
        }
      }
    }
    return segments;
  }

  private static List<Segment> blocks(List<Group> groups) {
    List<Segment> blocks = new ArrayList<>();
    int first = 0;
    for (int g = 0; g < groups.size(); g++) {
      if (isCut(groups, g)) {
        if (g > first) {
          blocks.add(new Segment(first, g));
        }
        first = g + 1;
      }
    }
    return blocks;
  }

  /** Whether later groups need nothing of all up to group {@code g} but its output. */
  private static boolean isCut(List<Group> groups, int g) {
    int output = groups.get(g).y();
    return groups.subList(g + 1, groups.size()).stream()
        .flatMap(group -> group.inputs().stream())
        .allMatch(input -> input >= output);
  }
}
