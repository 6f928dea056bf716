package org.jresnet.engine;

import java.util.List;
import java.util.Map;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.engine.Executable.NamedSpec;
import org.jresnet.graph.Graph;

/** What a backend computes of a network, op by op. */
public final class NetworkOps {
  private NetworkOps() {}

  /**
   * As {@link Executable#specs}, for a backend that may compute more as one ({@link
   * Backend#fuses}).
   */
  public static List<NamedSpec> of(
      Graph graph, CompileOptions options, Precision precision, Backend backend) {
    Graph simple = Fusion.simplified(graph, options);
    return Fusion.groups(simple, options, precision, backend::fuses).stream()
        .map(Group::named)
        .toList();
  }

  /** Why a backend computes less of a training as one than it was asked, by convolution. */
  public static Map<String, List<String>> refusals(
      Graph graph, CompileOptions options, Precision precision, Backend backend) {
    return Fusion.refusals(Fusion.simplified(graph, options), options, precision, backend::fuses);
  }
}
