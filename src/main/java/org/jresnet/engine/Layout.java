package org.jresnet.engine;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;

/**
 * Where parameters and running statistics lie in a model's arenas, in elements.
 *
 * @param ranges by name; of trainable parameters in the arenas of parameters, gradients and
 *     optimizer state, of running statistics in theirs
 * @param trainable elements of an arena of parameters
 * @param statistics elements of the arena of running statistics
 */
record Layout(Map<String, Range> ranges, long trainable, long statistics) {
  /** Parameters start at multiples of this, so that native code may use aligned vectors. */
  private static final int ALIGNMENT = 16;

  /** In the order of the graph's parameters. */
  static Layout of(Graph graph) {
    Map<String, Range> ranges = new LinkedHashMap<>();
    long trainable = 0;
    long statistics = 0;
    for (Parameter p : graph.parameters()) {
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        continue;
      } else if (p.role().trainable()) {
        ranges.put(p.name(), new Range(trainable, p.elements()));
        trainable = align(trainable + p.elements());
      } else {
        ranges.put(p.name(), new Range(statistics, p.elements()));
        statistics = align(statistics + p.elements());
      }
    }
    return new Layout(Collections.unmodifiableMap(ranges), trainable, statistics);
  }

  private static long align(long elements) {
    return (elements + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }
}
