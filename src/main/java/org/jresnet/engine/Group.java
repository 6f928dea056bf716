package org.jresnet.engine;

import java.util.List;
import org.jresnet.backend.OpSpec;
import org.jresnet.graph.Node;

/**
 * Consecutive nodes that one op computes.
 *
 * @param nodes the nodes in order; the first gives the group its name, the last its output
 * @param spec what the backend is asked for
 * @param x index of the node whose output is the first input
 * @param residual index of the node whose output is added, or -1
 */
record Group(List<Node> nodes, OpSpec spec, int x, int residual) {
  String name() {
    return nodes.get(0).name();
  }

  /** Index of the node whose output this group makes. */
  int y() {
    return nodes.get(nodes.size() - 1).index();
  }
}
