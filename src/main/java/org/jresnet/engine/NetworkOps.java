package org.jresnet.engine;

import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.engine.Executable.NamedSpec;
import org.jresnet.graph.Graph;

/** What a backend computes of a network, op by op. */
public final class NetworkOps {
  private NetworkOps() {}

  /**
   * As {@link Executable#specs}, for a backend that may compute more as one ({@link
   * Backend#takesInTraining}).
   */
  public static List<NamedSpec> of(
      Graph graph, CompileOptions options, Precision precision, Backend backend) {
    Graph simple = Fusion.simplified(graph, options);
    return Fusion.groups(simple, options, precision, backend::takesInTraining).stream()
        .map(Group::named)
        .toList();
  }
}
