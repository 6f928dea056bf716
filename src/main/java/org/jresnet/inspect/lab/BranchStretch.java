package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jresnet.backend.Tensor;
import org.jresnet.base.Text;
import org.jresnet.engine.Callback;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.CompileOptions.Watch;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.ResidualBlock;
import org.jresnet.graph.Rewrite;
import org.jresnet.loss.Objective;

/**
 * The largest singular value of a branch's Jacobian {@code J} at given images, by power iteration
 * on {@code JᵀJ}: {@code Jᵀu} is a backward pass that starts at the branch's end with {@code u},
 * and {@code Jv} a central difference of two forward passes. It bounds the branch's Lipschitz
 * constant from below. Batch norms use their running statistics, so that images do not mix.
 */
final class BranchStretch {
  private static final int BATCH = 4;
  private static final int ITERATIONS = 8;

  /** Length of a step, relative to the norm of what enters the branch. */
  private static final double STEP = 1e-3;

  /**
   * Over the images.
   *
   * @param mean of the images' values
   * @param largest of them
   */
  record Estimate(double mean, double largest) {}

  private final LabContext lab;

  /** What is fed at a block's entry, and backward at its branch's end; null for what is there. */
  private float[] entering;

  private float[] arriving;
  private String active = "";

  BranchStretch(LabContext lab) {
    this.lab = lab;
  }

  /** The layer that begins a branch, if it is one that takes nothing else. */
  private static Optional<String> head(ResidualBlock block) {
    List<Node> heads =
        block.branch().stream().filter(n -> n.inputs().contains(block.entry().index())).toList();
    return heads.size() == 1 && heads.get(0).op().arity() == 1
        ? Optional.of(heads.get(0).name())
        : Optional.empty();
  }

  /** One for each block; empty where the branch does not begin with one layer. */
  List<Optional<Estimate>> of(List<ResidualBlock> blocks) {
    int batch = lab.batch(BATCH);
    Set<String> heads = new TreeSet<>();
    blocks.forEach(block -> head(block).ifPresent(heads::add));
    Graph graph = Rewrite.withOwnInputs(Scaling.scaled(lab.graph(), blocks, 1), heads);
    List<Callback> callbacks = new ArrayList<>();
    Set<String> starts = new TreeSet<>();
    Set<String> ends = new TreeSet<>();
    for (ResidualBlock block : blocks) {
      if (head(block).isPresent()) {
        String start = start(block);
        String end = GradientGates.branchGate(block);
        starts.add(start);
        ends.add(end);
        callbacks.add(new Callback(start, Callback.What.OUTPUT, t -> replace(start, t, entering)));
        callbacks.add(new Callback(end, Callback.What.GRADIENT, t -> replace(start, t, arriving)));
      }
    }
    List<Optional<Estimate>> estimates = new ArrayList<>();
    try (Model model = lab.with(graph);
        Executable executable =
            Executable.compile(model, options(graph, batch, starts, ends, callbacks))) {
      for (ResidualBlock block : blocks) {
        lab.step(Text.format("stretch of %s", block.name()));
        estimates.add(
            head(block).isPresent()
                ? Optional.of(estimate(executable, block, batch))
                : Optional.empty());
      }
    }
    return estimates;
  }

  private CompileOptions options(
      Graph graph, int batch, Set<String> starts, Set<String> ends, List<Callback> callbacks) {
    Set<String> outputs = new TreeSet<>(starts);
    outputs.addAll(ends);
    return lab.training(batch)
        .withObjective(new Objective.Seed())
        .withFrozen(
            graph.parameters().stream()
                .filter(p -> p.role().trainable())
                .map(Parameter::name)
                .collect(Collectors.toSet()))
        .withWatch(new Watch(outputs, starts, callbacks));
  }

  private static String start(ResidualBlock block) {
    return head(block).orElseThrow() + ".input";
  }

  private void replace(String start, Tensor tensor, float[] values) {
    if (values != null && start.equals(active)) {
      tensor.set(values);
    }
  }

  private Estimate estimate(Executable executable, ResidualBlock block, int batch) {
    String start = start(block);
    String end = GradientGates.branchGate(block);
    active = start;
    byte[] pixels = lab.images().batch(0, batch);
    float[] seed = new float[executable.infer(pixels).length];
    float[] x = executable.tap(start);
    int each = x.length / batch;
    SplittableRandom random = lab.random("stretch", x.length);
    float[] v = new float[x.length];
    for (int i = 0; i < v.length; i++) {
      v[i] = (float) (random.nextDouble() - 0.5);
    }
    double[] values = new double[batch];
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
      double[] steps = new double[batch];
      float[] moved = new float[x.length];
      for (int n = 0; n < batch; n++) {
        normalize(v, n * each, each);
        steps[n] = STEP * Math.max(1e-6, Math.sqrt(Vectors.dot(x, x, n * each, each)));
      }
      entering = move(x, v, steps, 1, moved);
      executable.infer(pixels);
      float[] ahead = executable.tap(end);
      entering = move(x, v, steps, -1, moved);
      executable.infer(pixels);
      float[] behind = executable.tap(end);
      int out = ahead.length / batch;
      float[] u = new float[ahead.length];
      for (int n = 0; n < batch; n++) {
        for (int i = n * out; i < (n + 1) * out; i++) {
          u[i] = (float) ((ahead[i] - behind[i]) / (2 * steps[n]));
        }
        values[n] = Math.sqrt(Vectors.dot(u, u, n * out, out));
      }
      entering = null;
      arriving = u;
      executable.step(pixels, seed);
      arriving = null;
      v = executable.tapGradient(start);
    }
    active = "";
    double sum = 0;
    double largest = 0;
    for (double value : values) {
      sum += value;
      largest = Math.max(largest, value);
    }
    return new Estimate(sum / batch, largest);
  }

  private static float[] move(float[] x, float[] v, double[] steps, int sign, float[] to) {
    int each = x.length / steps.length;
    for (int i = 0; i < x.length; i++) {
      to[i] = (float) (x[i] + sign * steps[i / each] * v[i]);
    }
    return to;
  }

  private static void normalize(float[] v, int from, int count) {
    double norm = Math.sqrt(Vectors.dot(v, v, from, count));
    for (int i = from; i < from + count; i++) {
      v[i] = norm == 0 ? 0 : (float) (v[i] / norm);
    }
  }
}
