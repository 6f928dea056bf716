package org.jresnet.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.UserError;

/**
 * An immutable network: nodes in topological order, the first is the {@link Op.Input}, the last
 * gives the logits. Made with {@link #builder}.
 */
public final class Graph {
  // Far beyond every image and batch; counts of elements and operations cannot overflow.
  private static final int MAX_EXTENT = 1 << 16;

  private final String name;
  private final List<Node> nodes;
  private final List<Parameter> parameters;
  private final Initialization initialization;

  private Graph(String name, List<Node> nodes, Initialization initialization) {
    this.name = name;
    this.initialization = initialization;
    this.nodes = List.copyOf(nodes);
    this.parameters = nodes.stream().flatMap(n -> n.parameters().stream()).toList();
  }

  /** The architecture's name, such as {@code resnet50}. */
  public String name() {
    return name;
  }

  /** All nodes; every node comes after its inputs. */
  public List<Node> nodes() {
    return nodes;
  }

  /** How its weights start. */
  public Initialization initialization() {
    return initialization;
  }

  /** The node that makes the logits. */
  public Node output() {
    return nodes.get(nodes.size() - 1);
  }

  /** Channels of the input image. */
  public int channels() {
    return ((Op.Input) nodes.get(0).op()).channels();
  }

  /**
   * The classifier: the last node with parameters. Whoever trains on other classes replaces it.
   *
   * @throws IllegalStateException when no node has parameters
   */
  public Node head() {
    for (int i = nodes.size() - 1; i >= 0; i--) {
      if (!nodes.get(i).parameters().isEmpty()) {
        return nodes.get(i);
      }
    }
    throw new IllegalStateException(name + " has no parameters, and so no classifier");
  }

  /** Number of classes that the head tells apart. */
  public int classes() {
    return head().parameters().get(0).shape().get(0);
  }

  /** The node of that name, or an {@link IllegalArgumentException}. */
  public Node node(String wanted) {
    return nodes.stream()
        .filter(n -> n.name().equals(wanted))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(name + " has no node named " + wanted));
  }

  /** Every array of the network in the order of torch's state dict, running statistics included. */
  public List<Parameter> parameters() {
    return parameters;
  }

  /** Number of trainable values; 25,557,032 for ResNet-50 with 1000 classes. */
  public long parameterCount() {
    return parameters.stream()
        .filter(p -> p.role().trainable())
        .mapToLong(Parameter::elements)
        .sum();
  }

  /** The nodes that take the output of node {@code index}. */
  public List<Node> consumers(int index) {
    return nodes.stream().filter(n -> n.inputs().contains(index)).toList();
  }

  /**
   * The nodes that add a residual branch, their first input, to its shortcut, their second, in the
   * order of the network; empty for networks without residual branches.
   */
  public List<Node> additions() {
    return nodes.stream().filter(n -> n.op().part() == Op.Part.RESIDUAL).toList();
  }

  /**
   * Output shape of every node, by index, for a batch of images.
   *
   * @throws UserError naming the node that the image size does not fit
   */
  public List<Shape> shapes(int batch, int height, int width) {
    requirePixelsFit(batch, height, width);
    List<Shape> shapes = new ArrayList<>();
    for (Node node : nodes) {
      if (node.op() instanceof Op.Input input) {
        shapes.add(new Shape(batch, height, width, input.channels()));
        continue;
      }
      try {
        shapes.add(node.op().output(node.inputs().stream().map(shapes::get).toList()));
      } catch (IllegalArgumentException e) {
        throw new UserError(
            name
                + " cannot take images of "
                + height
                + "x"
                + width
                + ": "
                + node.name()
                + ": "
                + e.getMessage(),
            e);
      }
    }
    return shapes;
  }

  /**
   * Refuses a batch of RGB images whose pixels do not fit into one array.
   *
   * @throws UserError saying how many images of that size would fit
   */
  public static void requirePixelsFit(int batch, int height, int width) {
    if (Math.min(batch, Math.min(height, width)) < 1
        || Math.max(batch, Math.max(height, width)) > MAX_EXTENT) {
      throw new UserError(
          "batch, height and width must be between 1 and %d, found %d of %dx%d"
              .formatted(MAX_EXTENT, batch, height, width));
    }
    long most = Integer.MAX_VALUE / (3L * height * width);
    if (batch > most) {
      throw new UserError(
          "a batch of %d images of %dx%d has more than 2 GB of pixels; %s"
              .formatted(
                  batch,
                  height,
                  width,
                  most == 0
                      ? "use a smaller size"
                      : "at most " + most + " fit: use a smaller batch or size"));
    }
  }

  /** Starts a network with its image input, named {@code input}. */
  public static Builder builder(String name, int channels) {
    return new Builder(name, channels);
  }

  /** Adds nodes one by one; each call returns the new node's index. */
  public static final class Builder {
    private final String name;
    private final List<Node> nodes = new ArrayList<>();
    private final Map<String, Integer> byName = new HashMap<>();
    private Initialization initialization = Initialization.RESNET;

    private Builder(String name, int channels) {
      this.name = name;
      add("input", new Op.Input(channels));
    }

    /** How weights start; as ResNet's unless you say otherwise. */
    public Builder initialization(Initialization how) {
      initialization = how;
      return this;
    }

    /** Appends a node that reads the given nodes' outputs. */
    public int add(String node, Op op, Integer... inputs) {
      int index = nodes.size();
      if (byName.putIfAbsent(node, index) != null) {
        throw new IllegalArgumentException("two nodes are named " + node);
      }
      for (int input : inputs) {
        if (input < 0 || input >= index) {
          throw new IllegalArgumentException(
              node + " reads node " + input + ", which is not there yet");
        }
      }
      nodes.add(new Node(index, node, op, List.of(inputs)));
      return index;
    }

    /**
     * The finished network; the last node added is its output.
     *
     * @throws UserError naming a parameter that is too large for an array
     */
    public Graph build() {
      return new Graph(name, nodes, initialization);
    }
  }
}
