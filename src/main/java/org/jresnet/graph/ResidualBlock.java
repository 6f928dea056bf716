package org.jresnet.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A residual block: what a branch and a shortcut make of one node's output, and their sum.
 *
 * @param addition adds the branch, its first input, to the shortcut, its second
 * @param entry the last node that both branch and shortcut are computed from
 * @param exit the addition, or the activation that alone takes the sum
 * @param branch nodes of the branch, in the order of the network
 * @param shortcut nodes of the shortcut; none where it is the identity
 */
public record ResidualBlock(
    Node addition, Node entry, Node exit, List<Node> branch, List<Node> shortcut) {
  private static final String ADDITION = ".add";

  /** The blocks of a network in its order, one for each of {@link Graph#additions}. */
  public static List<ResidualBlock> of(Graph graph) {
    return graph.additions().stream().map(addition -> of(graph, addition)).toList();
  }

  private static ResidualBlock of(Graph graph, Node addition) {
    boolean[] branch = ancestors(graph, addition.inputs().get(0));
    boolean[] shortcut = ancestors(graph, addition.inputs().get(1));
    int entry = 0;
    List<Node> ofBranch = new ArrayList<>();
    List<Node> ofShortcut = new ArrayList<>();
    for (Node node : graph.nodes()) {
      int i = node.index();
      if (branch[i] && shortcut[i]) {
        entry = i;
      } else if (branch[i]) {
        ofBranch.add(node);
      } else if (shortcut[i]) {
        ofShortcut.add(node);
      }
    }
    List<Node> takers = graph.consumers(addition.index());
    boolean activated = takers.size() == 1 && takers.get(0).op().part() == Op.Part.ACTIVATION;
    Node exit = activated ? takers.get(0) : addition;
    return new ResidualBlock(addition, graph.nodes().get(entry), exit, ofBranch, ofShortcut);
  }

  /** A node and all that it is computed from. */
  private static boolean[] ancestors(Graph graph, int node) {
    boolean[] found = new boolean[graph.nodes().size()];
    found[node] = true;
    for (int i = node; i >= 0; i--) {
      if (found[i]) {
        graph.nodes().get(i).inputs().forEach(input -> found[input] = true);
      }
    }
    return found;
  }

  /** Such as {@code layer2.0}. */
  public String name() {
    String sum = addition.name();
    return sum.endsWith(ADDITION) ? sum.substring(0, sum.length() - ADDITION.length()) : sum;
  }

  /** Branch, shortcut and addition. */
  public List<Node> nodes() {
    return Stream.of(branch, shortcut, List.of(addition)).flatMap(List::stream).toList();
  }

  /** Whether another block has the same layers, so that the two can change places. */
  public boolean isBuiltAs(ResidualBlock other) {
    return layers(branch).equals(layers(other.branch))
        && layers(shortcut).equals(layers(other.shortcut));
  }

  /** What drops branches differs from block to block and decides nothing here. */
  private static List<Op> layers(List<Node> nodes) {
    return nodes.stream().map(Node::op).filter(op -> !op.draws()).toList();
  }
}
