package org.jresnet.backend.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Phase;
import org.jresnet.backend.TensorSpec;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/**
 * What candidates compete for: an op, or one of a convolution's three products, which need nothing
 * from each other.
 *
 * @param spec the op with the gradients that belong to this part
 * @param phases what of it is computed
 */
record Part(OpSpec spec, Set<Phase> phases) {
  private static final Set<Phase> FORWARD = Set.of(Phase.PREPARE, Phase.FORWARD);
  private static final Set<Phase> BACKWARD = Set.of(Phase.BACKWARD);

  /** Parts that compute the op together. */
  static List<Part> of(OpSpec spec) {
    if (!(spec.op() instanceof Conv2d) || spec.pass() == Pass.INFERENCE || !spec.tail().isEmpty()) {
      return List.of(new Part(spec, Set.of(Phase.PREPARE, Phase.FORWARD, Phase.BACKWARD)));
    }
    List<Part> parts = new ArrayList<>();
    parts.add(new Part(with(spec, Map.of()), FORWARD));
    Map<Slot, GradientWrite> data = new TreeMap<>();
    Map<Slot, GradientWrite> weights = new TreeMap<>();
    spec.gradients().forEach((slot, write) -> (slot == Slot.DX ? data : weights).put(slot, write));
    for (Map<Slot, GradientWrite> gradients : List.of(data, weights)) {
      if (!gradients.isEmpty()) {
        parts.add(new Part(with(spec, gradients), BACKWARD));
      }
    }
    return parts;
  }

  private static OpSpec with(OpSpec s, Map<Slot, GradientWrite> gradients) {
    return new OpSpec(s.op(), s.tail(), s.inputs(), s.output(), s.mode(), s.pass(), gradients);
  }

  /** What is computed: forward, backward data, backward weights, or all of it. */
  String operation() {
    if (phases.equals(FORWARD)) {
      return "forward";
    } else if (phases.equals(BACKWARD)) {
      return spec.gradients().containsKey(Slot.DX) ? "backward data" : "backward weights";
    }
    return spec.pass() == Pass.INFERENCE ? "inference" : "training";
  }

  /** All that decides how fast it is, in one line that checkpoints and the cache remember. */
  String key() {
    StringBuilder text = new StringBuilder(operation());
    text.append(' ').append(name(spec.op()));
    spec.tail().forEach(op -> text.append(' ').append(op.kind()));
    String separator = ", ";
    for (TensorSpec input : spec.inputs()) {
      text.append(separator).append(name(input));
      separator = " + ";
    }
    if (spec.output().type() != spec.type()) {
      text.append(" -> ").append(spec.output().type());
    }
    spec.gradients()
        .forEach(
            (slot, write) ->
                text.append(' ')
                    .append(slot.id())
                    .append(write == GradientWrite.ACCUMULATE ? "+=" : "="));
    return text.append(spec.mode() == Mode.EVALUATE && training() ? " frozen" : "").toString();
  }

  private boolean training() {
    return spec.pass() == Pass.TRAINING;
  }

  private static String name(TensorSpec tensor) {
    Shape s = tensor.shape();
    return s.n() + "x" + s.h() + "x" + s.w() + "x" + s.c() + " " + tensor.type();
  }

  private static String name(Op op) {
    if (!(op instanceof Conv2d conv)) {
      // The record's components: norm[c=64, eps=1.0E-5, momentum=0.1].
      return op.toString().replaceFirst("^\\w+", op.kind());
    }
    Axis rows = conv.rows();
    Axis columns = conv.columns();
    return rows.size()
        + "x"
        + columns.size()
        + each(" s", rows.stride(), columns.stride())
        + each(" p", rows.padding(), columns.padding())
        + (rows.dilation() * columns.dilation() == 1
            ? ""
            : each(" d", rows.dilation(), columns.dilation()))
        + (conv.groups() == 1 ? "" : " g" + conv.groups())
        + " "
        + conv.c()
        + "->"
        + conv.k()
        + (conv.bias() == Conv2d.Bias.NONE ? "" : " bias");
  }

  /** A number for both axes, or one for each. */
  private static String each(String letter, int rows, int columns) {
    return letter + rows + (rows == columns ? "" : "x" + columns);
  }
}
