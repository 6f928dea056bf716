package org.jresnet.inspect.trace;

import java.util.List;
import java.util.Optional;
import org.jresnet.base.Nearest;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.inspect.Recording;

/**
 * Takes numbers of a recorded step apart: an element of a node's output, of the gradient that
 * arrives at its input, of a parameter's gradient, or a weight after the update. Computes in double
 * precision from the recorded numbers. May be used by several threads.
 */
public final class Tracer {
  private static final String LOSS = "loss";

  private final RecordedStep step;
  private final int most;

  /**
   * Of a recording, which stays yours.
   *
   * @param most terms that a trace lists; of more, the largest
   */
  public Tracer(Recording recording, int most) {
    step = new RecordedStep(recording);
    this.most = most;
  }

  /** Whether the formula of a node's op is known here. */
  public boolean knows(String node) {
    return Formula.of(step, node(node)).isPresent();
  }

  /**
   * An element of a node's output.
   *
   * @param at {@code n, h, w, c}
   * @throws UserError when there is no such node or element, or its op has no formula here
   */
  public ValueTrace forward(String node, int... at) {
    String tensor = Recording.output(node(node).name());
    double recorded = step.value(tensor, at);
    return formula(node(node)).forward(at).trace(tensor, at, most, recorded);
  }

  /**
   * An element of the gradient by an input of a node, as far as it comes through this node. Where
   * other nodes read that input, too, their shares are quantities, and {@code computed} is the sum.
   *
   * @param input which of the node's inputs
   * @param at element of that input
   * @throws UserError as {@link #forward}, and for an input that the node does not have
   */
  public ValueTrace backward(String node, int input, int... at) {
    Node through = node(node);
    if (input < 0 || input >= through.inputs().size()) {
      throw new UserError(
          Text.format("%s has %s inputs, there is no %s", node, through.inputs().size(), input));
    }
    Node source = step.input(through, input);
    String tensor = Recording.gradient(source.name());
    double recorded = step.value(tensor, at);
    Terms terms = formula(through).backward(input, at);
    double own = terms.value();
    double sum = own;
    List<Node> readers = step.graph().consumers(source.index());
    if (readers.size() > 1) {
      terms.note("through " + through.name(), own);
    }
    for (Node reader : readers) {
      for (int i = 0; i < reader.inputs().size(); i++) {
        boolean other = reader.index() != through.index() || i != input;
        if (other && reader.inputs().get(i) == source.index()) {
          double share = formula(reader).backward(i, at).value();
          terms.note("through " + reader.name(), share);
          sum += share;
        }
      }
    }
    return terms.result(sum).trace(tensor, at, most, recorded);
  }

  /**
   * An element of the gradient by a parameter.
   *
   * @param at in torch's order
   * @throws UserError as {@link #forward}, and for a parameter that was frozen
   */
  public ValueTrace gradient(String parameter, int... at) {
    Parameter p = parameter(parameter);
    String tensor = Recording.parameterGradient(parameter);
    double recorded = step.value(tensor, at);
    Node node =
        step.graph().nodes().stream()
            .filter(n -> n.parameters().contains(p))
            .findFirst()
            .orElseThrow();
    return formula(node).parameter(p, at).trace(tensor, at, most, recorded);
  }

  /**
   * A parameter's element after the step.
   *
   * @param at in torch's order
   * @throws UserError for a parameter that was frozen
   */
  public ValueTrace update(String parameter, int... at) {
    String tensor = Recording.parameterAfter(parameter(parameter).name());
    double recorded = step.value(tensor, at);
    return new UpdateFormula(step, parameter, at).terms().trace(tensor, at, most, recorded);
  }

  /** The loss of the images. */
  public ValueTrace loss() {
    requireTraining();
    return new LossFormula(step)
        .loss()
        .trace(LOSS, new int[0], most, step.recording().facts().loss());
  }

  /** An element of the gradient by the logits: {@code n, 0, 0, k}. */
  public ValueTrace lossGradient(int... at) {
    requireTraining();
    String tensor = Recording.gradient(step.graph().output().name());
    double recorded = step.value(tensor, at);
    return new LossFormula(step).gradient(at).trace(tensor, at, most, recorded);
  }

  private void requireTraining() {
    if (!step.recording().facts().training()) {
      throw new UserError("the recording is of inference, which has no loss and no gradients");
    }
  }

  private Formula formula(Node node) {
    Optional<Formula> formula = Formula.of(step, node);
    return formula.orElseThrow(
        () ->
            new UserError(
                Text.format(
                    "the formula of %s (%s) is not shown here, only its recorded numbers",
                    node.name(), node.op().kind())));
  }

  private Node node(String name) {
    return step.graph().nodes().stream()
        .filter(n -> n.name().equals(name))
        .findFirst()
        .orElseThrow(
            () -> unknown("node", name, step.graph().nodes().stream().map(Node::name).toList()));
  }

  private Parameter parameter(String name) {
    List<Parameter> all =
        step.graph().parameters().stream().filter(p -> p.role().trainable()).toList();
    return all.stream()
        .filter(p -> p.name().equals(name))
        .findFirst()
        .orElseThrow(
            () -> unknown("trainable parameter", name, all.stream().map(Parameter::name).toList()));
  }

  private static UserError unknown(String what, String name, List<String> known) {
    return new UserError(
        Text.format(
            "the network has no %s '%s'; near are %s",
            what, name, String.join(", ", Nearest.names(name, known))));
  }
}
