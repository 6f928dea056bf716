package org.jresnet.inspect;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Parameter;

/** The branches that a network's residual additions add to their shortcuts. */
final class ResidualBranches {
  private ResidualBranches() {}

  /** Filters of the convolutions on all branches, in the order of the network. */
  static List<Parameter> filters(Graph graph) {
    Set<Integer> branches = new HashSet<>();
    for (Node node : graph.nodes()) {
      if (node.op().part() == Op.Part.RESIDUAL) {
        Set<Integer> shortcut = new HashSet<>();
        ancestors(graph, node.inputs().get(1), new HashSet<>(), shortcut);
        ancestors(graph, node.inputs().get(0), shortcut, branches);
      }
    }
    List<Parameter> filters = new ArrayList<>();
    for (Node node : graph.nodes()) {
      if (branches.contains(node.index())) {
        node.parameters().stream()
            .filter(p -> p.role() == Parameter.Role.CONV_WEIGHT)
            .forEach(filters::add);
      }
    }
    return filters;
  }

  /** Adds a node and all that it is computed from, but what is in {@code without}. */
  private static void ancestors(Graph graph, int node, Set<Integer> without, Set<Integer> found) {
    if (!without.contains(node) && found.add(node)) {
      graph.nodes().get(node).inputs().forEach(i -> ancestors(graph, i, without, found));
    }
  }
}
