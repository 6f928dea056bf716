package org.jresnet.serve.studio;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.inspect.Recording;
import org.jresnet.inspect.trace.Tracer;

/**
 * A station of a walk through a recorded step.
 *
 * @param phase forward, loss, backward or update
 * @param node the node; for the update the node whose weight is followed, empty for the loss
 * @param kind of the node's op
 * @param op the node's op with its numbers
 * @param block that the node belongs to; empty for none
 * @param maps tensors that are drawn, the result last
 * @param traces numbers that are taken apart
 */
record WalkStep(
    Phase phase,
    String node,
    String kind,
    String op,
    String block,
    List<Shown> maps,
    List<Query> traces) {
  /** Where in the training step. */
  enum Phase {
    /** From the image to the logits. */
    FORWARD,
    /** At the logits. */
    LOSS,
    /** From the logits to the image. */
    BACKWARD,
    /** At the weights. */
    UPDATE
  }

  /** What a query asks a {@link Tracer} for. */
  enum Kind {
    FORWARD,
    BACKWARD,
    GRADIENT,
    UPDATE,
    LOSS,
    LOSS_GRADIENT
  }

  /**
   * A tensor with its title.
   *
   * @param title such as {@code dx, to layer1.0.relu1}
   */
  record Shown(String title, String tensor) {}

  /**
   * A number to take apart; where in the tensor the page says.
   *
   * @param title such as {@code y}
   * @param input of the node, for {@link Kind#BACKWARD}
   * @param parameter for {@link Kind#GRADIENT} and {@link Kind#UPDATE}; else empty
   * @param tensor that holds the number; empty for the loss
   */
  record Query(String title, Kind kind, int input, String parameter, String tensor) {}

  /** The stations of a recording, forward, loss, backward, update. */
  static List<WalkStep> of(Recording recording, Tracer tracer) {
    Graph graph = recording.graph();
    List<WalkStep> steps = new ArrayList<>();
    graph.nodes().stream()
        .filter(node -> recording.has(Recording.output(node.name())))
        .forEach(node -> steps.add(forward(recording, graph, node, tracer)));
    if (!recording.facts().training()) {
      return steps;
    }
    steps.add(loss(graph));
    for (int i = graph.nodes().size() - 1; i > 0; i--) {
      Node node = graph.nodes().get(i);
      if (recording.has(Recording.gradient(node.name()))) {
        steps.add(backward(recording, graph, node, tracer));
      }
    }
    graph.parameters().stream()
        .filter(p -> recording.has(Recording.parameterAfter(p.name())))
        .findFirst()
        .ifPresent(p -> steps.add(update(graph, p)));
    return steps;
  }

  private static WalkStep at(Phase phase, Node node, List<Shown> maps, List<Query> traces) {
    return new WalkStep(
        phase, node.name(), node.op().kind(), OpText.of(node.op()), Blocks.of(node), maps, traces);
  }

  private static WalkStep forward(Recording recording, Graph graph, Node node, Tracer tracer) {
    List<Shown> maps = new ArrayList<>();
    for (int i = 0; i < node.inputs().size(); i++) {
      String from = graph.nodes().get(node.inputs().get(i)).name();
      maps.add(new Shown((i == 0 ? "x" : "residual") + ", from " + from, Recording.output(from)));
    }
    String tensor = Recording.output(node.name());
    maps.add(new Shown("y", tensor));
    maps.removeIf(map -> !recording.has(map.tensor()));
    List<Query> traces =
        tracer.knows(node.name())
            ? List.of(new Query("y", Kind.FORWARD, 0, "", tensor))
            : List.of();
    return at(Phase.FORWARD, node, maps, traces);
  }

  private static WalkStep loss(Graph graph) {
    String tensor = Recording.gradient(graph.output().name());
    return new WalkStep(
        Phase.LOSS,
        "",
        "cross-entropy",
        "softmax and cross-entropy",
        "",
        List.of(),
        List.of(
            new Query("loss", Kind.LOSS, 0, "", ""),
            new Query("gradient by a logit", Kind.LOSS_GRADIENT, 0, "", tensor)));
  }

  private static WalkStep backward(Recording recording, Graph graph, Node node, Tracer tracer) {
    List<Shown> maps = new ArrayList<>();
    List<Query> traces = new ArrayList<>();
    maps.add(new Shown("dy", Recording.gradient(node.name())));
    for (int i = 0; i < node.inputs().size(); i++) {
      String to = graph.nodes().get(node.inputs().get(i)).name();
      String name = i == 0 ? "dx" : "dresidual";
      boolean splits = graph.consumers(node.inputs().get(i)).size() > 1;
      String tensor = Recording.gradient(to);
      maps.add(
          new Shown(name + ", to " + to + (splits ? " (sum of all that read it)" : ""), tensor));
      traces.add(new Query(name + " to " + to, Kind.BACKWARD, i, "", tensor));
    }
    maps.removeIf(map -> !recording.has(map.tensor()));
    for (Parameter p : node.parameters()) {
      String tensor = Recording.parameterGradient(p.name());
      if (recording.has(tensor)) {
        traces.add(new Query("gradient by " + p.name(), Kind.GRADIENT, 0, p.name(), tensor));
      }
    }
    return at(Phase.BACKWARD, node, maps, tracer.knows(node.name()) ? traces : List.of());
  }

  private static WalkStep update(Graph graph, Parameter p) {
    Node node =
        graph.nodes().stream().filter(n -> n.parameters().contains(p)).findFirst().orElseThrow();
    return at(
        Phase.UPDATE,
        node,
        List.of(),
        List.of(
            new Query(
                "one weight of " + p.name(),
                Kind.UPDATE,
                0,
                p.name(),
                Recording.parameterAfter(p.name()))));
  }

  /** As pages read it. */
  Map<String, Object> values() {
    return Map.of(
        "phase", phase.name().toLowerCase(java.util.Locale.ROOT),
        "node", node,
        "kind", kind,
        "op", op,
        "block", block,
        "maps", maps,
        "traces",
            traces.stream()
                .map(
                    q ->
                        Map.of(
                            "title", q.title(), "parameter", q.parameter(), "tensor", q.tensor()))
                .collect(Collectors.toList()));
  }
}
