package org.jresnet.engine;

import java.util.List;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;

/**
 * Consecutive nodes that one op computes.
 *
 * @param nodes the nodes in order; the first gives the group its name, the last its output
 * @param spec what the backend is asked for
 * @param inputs indices of the nodes whose outputs it takes, in the order of the spec's inputs
 */
record Group(List<Node> nodes, OpSpec spec, List<Integer> inputs) {
  Group {
    nodes = List.copyOf(nodes);
    inputs = List.copyOf(inputs);
  }

  String name() {
    return nodes.get(0).name();
  }

  /** The node whose output this group makes. */
  Node last() {
    return nodes.get(nodes.size() - 1);
  }

  /** Names of what counts the batches that its norms see. */
  List<String> batchCounters() {
    return nodes.stream()
        .filter(node -> spec.mode() == Mode.TRAIN)
        .flatMap(node -> node.parameters().stream())
        .filter(p -> p.role() == Parameter.Role.BATCHES_TRACKED)
        .map(Parameter::name)
        .toList();
  }

  /** Index of the node whose output this group makes. */
  int y() {
    return last().index();
  }

  /** For others to look at. */
  Executable.NamedSpec named() {
    return new Executable.NamedSpec(name(), nodes, spec);
  }
}
