package org.jresnet.graph;

import java.util.List;

/**
 * One op in its place in the network.
 *
 * @param index position in {@link Graph#nodes()}, which is a topological order
 * @param name the published name, such as {@code layer3.0.downsample.0}; errors, taps, timings and
 *     weights use it
 * @param op what is computed
 * @param inputs indices of the nodes whose outputs it takes
 */
public record Node(int index, String name, Op op, List<Integer> inputs) {
  /** Makes the input list immutable and checks its length. */
  public Node {
    inputs = List.copyOf(inputs);
    if (inputs.size() != op.arity()) {
      throw new IllegalArgumentException(
          name + " takes " + op.arity() + " inputs, found " + inputs.size());
    }
  }

  /** This node's arrays in the order of torch's state dict. */
  public List<Parameter> parameters() {
    return op.parameters(name);
  }
}
