package org.jresnet.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jresnet.base.UserError;

/**
 * Networks made from networks. Each method leaves its argument alone and returns a new network,
 * whose nodes keep their names, and so their parameters. Parameters of new or resized nodes start
 * as {@code Model.initialize} makes them.
 */
public final class Rewrite {
  /** Image sizes that a network is tried at; one that fits before must fit after. */
  private static final int[] SIZES = {224, 299, 64, 32, 512, 16, 8, 1};

  /** A node by names instead of indices. */
  private record Draft(String name, Op op, List<String> inputs) {
    static Draft of(Graph graph, Node node) {
      return new Draft(
          node.name(),
          node.op(),
          node.inputs().stream().map(i -> graph.nodes().get(i).name()).toList());
    }

    Draft reading(String instead, String of) {
      return new Draft(name, op, inputs.stream().map(i -> i.equals(of) ? instead : i).toList());
    }
  }

  private Rewrite() {}

  /**
   * The same network with another number of classes. The new head has the old one's name and
   * another shape, so its weights must be initialised.
   *
   * @throws UserError if {@link Graph#head} is not a linear layer, or there are no classes
   */
  public static Graph head(Graph graph, int classes) {
    Node old = graph.head();
    if (!(old.op() instanceof Op.Linear linear)) {
      throw new UserError(
          "the head of %s is %s, a %s: only a linear layer can be replaced"
              .formatted(graph.name(), old.name(), old.op().kind()));
    }
    if (classes < 1) {
      throw new UserError("a head needs at least 1 class, found " + classes);
    }
    List<Draft> drafts = drafts(graph);
    List<String> inputs = drafts.get(old.index()).inputs;
    drafts.set(old.index(), new Draft(old.name(), new Op.Linear(linear.c(), classes), inputs));
    return build(graph, drafts);
  }

  /**
   * Without one residual branch: whoever took the sum takes the shortcut alone, as in the ablation
   * of Veit et al. 2016 (<a href="https://arxiv.org/abs/1605.06431">arXiv:1605.06431</a>). Nodes
   * that nobody needs any more are left out.
   *
   * @param addition name of the node that adds the branch, its first input, to the shortcut
   * @throws UserError if there is no such addition
   */
  public static Graph withoutBranch(Graph graph, String addition) {
    return keeping(graph, addition, 1);
  }

  /**
   * Without one shortcut: whoever took the sum takes the residual branch alone. Without all of them
   * the network is the plain one that residual networks are compared with.
   *
   * @param addition name of the node that adds the branch, its first input, to the shortcut
   * @throws UserError if there is no such addition
   */
  public static Graph withoutShortcut(Graph graph, String addition) {
    return keeping(graph, addition, 0);
  }

  private static Graph keeping(Graph graph, String addition, int input) {
    String kept = Draft.of(graph, addition(graph, addition)).inputs.get(input);
    if (graph.output().name().equals(addition)) {
      throw new UserError(
          addition + " makes the output of " + graph.name() + "; it cannot be removed");
    }
    List<Draft> drafts = new ArrayList<>();
    for (Draft draft : drafts(graph)) {
      if (!draft.name.equals(addition)) {
        drafts.add(draft.reading(kept, addition));
      }
    }
    return build(graph, needed(drafts));
  }

  /**
   * With two residual blocks in each other's place, weights and all: the nodes of one bear the
   * names of the other.
   *
   * @param first name of one block's addition
   * @param second name of the other's
   * @throws UserError if there are no such additions, or the blocks are not built alike
   */
  public static Graph swapped(Graph graph, String first, String second) {
    Map<Node, ResidualBlock> blocks = new HashMap<>();
    ResidualBlock.of(graph).forEach(block -> blocks.put(block.addition(), block));
    ResidualBlock a = blocks.get(addition(graph, first));
    ResidualBlock b = blocks.get(addition(graph, second));
    if (!a.isBuiltAs(b) || a.nodes().size() != b.nodes().size()) {
      throw new UserError(
          "%s and %s of %s are not built alike, so they cannot change places"
              .formatted(a.name(), b.name(), graph.name()));
    }
    Map<String, String> names = new HashMap<>();
    for (int i = 0; i < a.nodes().size(); i++) {
      names.put(a.nodes().get(i).name(), b.nodes().get(i).name());
      names.put(b.nodes().get(i).name(), a.nodes().get(i).name());
    }
    List<Draft> drafts = new ArrayList<>();
    for (Draft draft : drafts(graph)) {
      drafts.add(
          new Draft(
              names.getOrDefault(draft.name, draft.name),
              draft.op,
              draft.inputs.stream().map(i -> names.getOrDefault(i, i)).toList()));
    }
    return build(graph, drafts);
  }

  /**
   * With one residual branch multiplied by a number before it is added. The new node is called
   * {@code <addition>.scale}.
   *
   * @param addition name of the node that adds the branch, its first input, to the shortcut
   * @throws UserError if there is no such addition
   */
  public static Graph scaledBranch(Graph graph, String addition, double factor) {
    return scaledInput(graph, addition, 0, addition + ".scale", factor);
  }

  /**
   * With one shortcut multiplied by a number before the branch is added. The new node is called
   * {@code <addition>.shortcut_scale}.
   *
   * @param addition name of the node that adds the branch, its first input, to the shortcut
   * @throws UserError if there is no such addition
   */
  public static Graph scaledShortcut(Graph graph, String addition, double factor) {
    return scaledInput(graph, addition, 1, addition + ".shortcut_scale", factor);
  }

  private static Graph scaledInput(
      Graph graph, String addition, int input, String scale, double factor) {
    Draft sum = Draft.of(graph, addition(graph, addition));
    requireNew(graph, scale);
    List<Draft> drafts = drafts(graph);
    int at = drafts.indexOf(sum);
    List<String> inputs = new ArrayList<>(sum.inputs);
    inputs.set(input, scale);
    drafts.set(at, new Draft(addition, sum.op, inputs));
    drafts.add(at, new Draft(scale, new Scale(factor), List.of(sum.inputs.get(input))));
    return build(graph, drafts);
  }

  /**
   * With a new node right after another: whoever took that node's output takes the new one's.
   *
   * @param op takes one input
   * @throws UserError if a node of the new name exists, or the op does not fit there
   */
  public static Graph insertAfter(Graph graph, String after, String name, Op op) {
    requireNode(graph, after);
    requireNew(graph, name);
    if (op.arity() != 1) {
      throw new UserError(
          "only an op with one input can be inserted after a node; %s takes %d"
              .formatted(op.kind(), op.arity()));
    }
    List<Draft> drafts = new ArrayList<>();
    for (Draft draft : drafts(graph)) {
      drafts.add(draft.reading(name, after));
      if (draft.name.equals(after)) {
        drafts.add(new Draft(name, op, List.of(after)));
      }
    }
    return build(graph, drafts);
  }

  /**
   * With inputs of their own for some nodes of one input each: a copy, called {@code <node>.input}.
   *
   * @throws UserError if a name is taken
   */
  public static Graph withOwnInputs(Graph graph, Set<String> names) {
    List<Draft> drafts = new ArrayList<>();
    for (Draft draft : drafts(graph)) {
      if (names.contains(draft.name)) {
        String copy = draft.name + ".input";
        requireNew(graph, copy);
        drafts.add(new Draft(copy, new Scale(1), draft.inputs));
        drafts.add(new Draft(draft.name, draft.op, List.of(copy)));
      } else {
        drafts.add(draft);
      }
    }
    return build(graph, drafts);
  }

  /**
   * Without some nodes of one input each: whoever took a node's output takes its input.
   *
   * @throws UserError if there is no such node, it has several inputs, or makes the network's
   *     output
   */
  public static Graph without(Graph graph, Set<String> names) {
    for (String name : names) {
      if (requireNode(graph, name).op().arity() != 1 || graph.output().name().equals(name)) {
        throw new UserError(
            "%s cannot be removed: it does not have one input, or makes the output of %s"
                .formatted(name, graph.name()));
      }
    }
    List<Draft> drafts = new ArrayList<>();
    Map<String, String> instead = new HashMap<>();
    for (Draft draft : drafts(graph)) {
      List<String> inputs = draft.inputs.stream().map(i -> instead.getOrDefault(i, i)).toList();
      if (names.contains(draft.name)) {
        instead.put(draft.name, inputs.get(0));
      } else {
        drafts.add(new Draft(draft.name, draft.op, inputs));
      }
    }
    return build(graph, drafts);
  }

  private static Node requireNode(Graph graph, String name) {
    return graph.nodes().stream()
        .filter(n -> n.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new UserError("%s has no node named %s".formatted(graph.name(), name)));
  }

  private static void requireNew(Graph graph, String name) {
    if (graph.nodes().stream().anyMatch(n -> n.name().equals(name))) {
      throw new UserError(
          "%s already has a node named %s; choose another name".formatted(graph.name(), name));
    }
  }

  private static Node addition(Graph graph, String name) {
    Node node = requireNode(graph, name);
    if (node.op().part() != Op.Part.RESIDUAL) {
      List<String> additions = graph.additions().stream().map(Node::name).toList();
      throw new UserError(
          "%s is a %s, not an addition that ends a residual branch; those of %s are: %s"
              .formatted(name, node.op().kind(), graph.name(), String.join(", ", additions)));
    }
    return node;
  }

  private static List<Draft> drafts(Graph graph) {
    return new ArrayList<>(graph.nodes().stream().map(n -> Draft.of(graph, n)).toList());
  }

  /** What the last node depends on, and the image. */
  private static List<Draft> needed(List<Draft> drafts) {
    Set<String> needed = new HashSet<>(Set.of(drafts.get(drafts.size() - 1).name));
    for (int i = drafts.size() - 1; i >= 0; i--) {
      if (needed.contains(drafts.get(i).name)) {
        needed.addAll(drafts.get(i).inputs);
      }
    }
    return drafts.stream().filter(d -> needed.contains(d.name) || d.inputs.isEmpty()).toList();
  }

  private static Graph build(Graph old, List<Draft> drafts) {
    Graph.Builder builder =
        Graph.builder(old.name(), old.channels()).initialization(old.initialization());
    Map<String, Integer> indices = new HashMap<>(Map.of(drafts.get(0).name, 0));
    for (Draft draft : drafts.subList(1, drafts.size())) {
      Integer[] inputs = draft.inputs.stream().map(indices::get).toArray(Integer[]::new);
      indices.put(draft.name, builder.add(draft.name, draft.op, inputs));
    }
    Graph made = builder.build();
    fitting(old).ifPresent(size -> made.shapes(1, size, size));
    return made;
  }

  /** A size that the network takes. */
  private static Optional<Integer> fitting(Graph graph) {
    for (int size : SIZES) {
      try {
        graph.shapes(1, size, size);
        return Optional.of(size);
      } catch (UserError e) {
        continue;
      }
    }
    return Optional.empty();
  }
}
