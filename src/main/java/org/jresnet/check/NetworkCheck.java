package org.jresnet.check;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Tensor;
import org.jresnet.engine.Callback;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.NetworkOps;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;

/**
 * One step of a network against another computation of it, at every node that is not hidden within
 * a call, so that what is fused in a run is fused here, too.
 */
public final class NetworkCheck {
  /**
   * The step.
   *
   * @param options pass and images; what they watch is ignored
   * @param pixels as {@link Executable#infer} takes them
   * @param labels as {@link Executable#step} takes them; unused in inference
   */
  public record Work(CompileOptions options, byte[] pixels, int[] labels) {}

  /** What each node computes from. */
  public enum Inputs {
    /** What this side has computed before: errors add up, as they do in a run. */
    OWN,
    /**
     * What the trusted side has computed before: a node's difference is its own, and the first one
     * that is too large is where the mistake is.
     */
    TRUSTED
  }

  /**
   * How far a tensor may be off: length of the difference, relative to the tensor's.
   *
   * @param forward for outputs and running statistics
   * @param backward for gradients
   */
  public record Limits(double forward, double backward) {
    /**
     * What the roundings of a precision explain, or nothing where they explain everything. Measured
     * on ResNet-18 and ResNet-50 (16 channels in the stem, four images of 64x64 pixels) with inputs
     * of the trusted side: fp32 1.3e-6 forward and 5.9e-6 backward, bf16 0.005 and 0.07, because a
     * rounding to the other side of a ReLU's zero switches a gradient on or off. fp16 and TF32
     * round eight times finer: by so much fewer gradients are switched. With own inputs fp32 was
     * 0.0041 off, bf16 0.01 in inference and 1.9 in training: there a small batch's deviations
     * magnify each rounding from layer to layer.
     *
     * @throws IllegalArgumentException for int8, whose numbers the host does not see
     */
    public static Optional<Limits> of(Precision precision, Pass pass, Inputs inputs) {
      if (inputs == Inputs.TRUSTED) {
        return Optional.of(
            switch (precision) {
              case FP64 -> new Limits(1e-6, 1e-6);
              case FP32 -> new Limits(2e-5, 2e-5);
              case TF32, FP16 -> new Limits(4e-3, 0.07);
              case BF16 -> new Limits(0.02, 0.2);
              case INT8 -> throw new IllegalArgumentException("int8 has no taps");
            });
      }
      boolean training = pass == Pass.TRAINING;
      return switch (precision) {
        case FP64 -> Optional.of(new Limits(1e-5, 1e-5));
        case FP32 -> Optional.of(training ? new Limits(0.02, 0.02) : new Limits(1e-5, 0));
        case TF32, FP16 -> training ? Optional.empty() : Optional.of(new Limits(8e-3, 0));
        case BF16 -> training ? Optional.empty() : Optional.of(new Limits(0.05, 0));
        case INT8 -> throw new IllegalArgumentException("int8 has no taps");
      };
    }
  }

  private final Model model;
  private final Work work;
  private final List<Executable.NamedSpec> groups;
  private final List<Shape> shapes;
  private final Map<String, Parameter> parameters = new HashMap<>();

  /** A check of that model, whose parameters are set. */
  public NetworkCheck(Model model, Work work) {
    this.model = model;
    this.work = work;
    CompileOptions options = work.options;
    groups = NetworkOps.of(model.graph(), options, model.precision(), model.backend());
    shapes = model.graph().shapes(options.batch(), options.height(), options.width());
    model.graph().parameters().forEach(p -> parameters.put(p.name(), p));
  }

  /** Runs the step and keeps everything; the model's running statistics move on. */
  public StepTensors record() {
    StepTensors taps =
        new StepTensors(
            new LinkedHashMap<>(),
            new LinkedHashMap<>(),
            new LinkedHashMap<>(),
            new LinkedHashMap<>());
    run(
        (node, tensor) -> taps.outputs().put(node, tensor.toFloats()),
        (node, tensor) -> taps.gradients().put(node, tensor.toFloats()));
    for (Parameter p : parameters.values()) {
      if (p.role().trainable() && work.options.pass() == Pass.TRAINING) {
        taps.parameterGradients().put(p.name(), model.gradient(p.name()).toFloats());
      } else if (p.role().isStatistic()) {
        taps.statistics().put(p.name(), model.get(p.name()));
      }
    }
    return taps;
  }

  /**
   * Runs the step and compares everything that the trusted side has.
   *
   * @return forward in the order of nodes, then backward in the opposite order
   */
  public List<Comparison> compare(StepTensors trusted, Inputs inputs, Limits limits) {
    Bound forward = new Bound.Norm(limits.forward);
    Bound backward = new Bound.Norm(limits.backward);
    Map<String, Comparison> outputs = new HashMap<>();
    Map<String, Comparison> gradients = new HashMap<>();
    run(
        comparing("output of ", trusted.outputs(), outputs, inputs, forward),
        comparing("gradient of the output of ", trusted.gradients(), gradients, inputs, backward));
    List<Comparison> all = new ArrayList<>();
    for (Executable.NamedSpec group : groups) {
      add(all, outputs, last(group).name());
      parameters(all, group, trusted.statistics(), forward);
    }
    for (int g = groups.size() - 1; g >= 0; g--) {
      add(all, gradients, last(groups.get(g)).name());
      parameters(all, groups.get(g), trusted.parameterGradients(), backward);
    }
    return all;
  }

  private static void add(List<Comparison> all, Map<String, Comparison> found, String node) {
    if (found.containsKey(node)) {
      all.add(found.get(node));
    }
  }

  private static Node last(Executable.NamedSpec group) {
    return group.nodes().get(group.nodes().size() - 1);
  }

  /** What happens to a node's tensor within the step. */
  private interface Look {
    void at(String node, Tensor tensor);
  }

  private Look comparing(
      String what,
      Map<String, float[]> trusted,
      Map<String, Comparison> found,
      Inputs inputs,
      Bound bound) {
    return (node, tensor) -> {
      float[] expected = trusted.get(node);
      if (expected == null) {
        return;
      }
      Shape s = shapes.get(model.graph().node(node).index());
      int[] extents = {s.n(), s.h(), s.w(), s.c()};
      found.put(node, compare(what + node, extents, tensor.toFloats(), expected, bound));
      if (inputs == Inputs.TRUSTED) {
        tensor.set(expected);
      }
    };
  }

  private static Comparison compare(
      String what, int[] extents, float[] actual, float[] expected, Bound bound) {
    return bound.compare(what, extents, doubles(actual), doubles(expected));
  }

  private static double[] doubles(float[] values) {
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
  }

  private void parameters(
      List<Comparison> all, Executable.NamedSpec group, Map<String, float[]> trusted, Bound bound) {
    for (Node node : group.nodes()) {
      for (Parameter p : node.parameters()) {
        float[] expected = trusted.get(p.name());
        if (expected != null) {
          boolean trains = p.role().trainable();
          float[] actual = trains ? model.gradient(p.name()).toFloats() : model.get(p.name());
          int[] extents = p.shape().stream().mapToInt(Integer::intValue).toArray();
          all.add(
              compare((trains ? "gradient of " : "") + p.name(), extents, actual, expected, bound));
        }
      }
    }
  }

  private void run(Look output, Look gradient) {
    List<Callback> callbacks = new ArrayList<>();
    for (Executable.NamedSpec group : groups) {
      String node = last(group).name();
      callbacks.add(new Callback(node, Callback.What.OUTPUT, t -> output.at(node, t)));
      if (group.spec().pass() == Pass.TRAINING) {
        callbacks.add(new Callback(node, Callback.What.GRADIENT, t -> gradient.at(node, t)));
      }
    }
    CompileOptions watched =
        work.options.withWatch(new CompileOptions.Watch(Set.of(), Set.of(), callbacks));
    try (Executable step = Executable.compile(model, watched)) {
      if (work.options.pass() == Pass.TRAINING) {
        step.step(work.pixels, work.labels);
      } else {
        step.infer(work.pixels);
      }
    }
  }
}
