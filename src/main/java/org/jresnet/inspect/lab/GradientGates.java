package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jresnet.backend.Tensor;
import org.jresnet.engine.Callback;
import org.jresnet.engine.CompileOptions.Watch;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.ResidualBlock;
import org.jresnet.graph.Rewrite;

/**
 * A training step whose gradient can be kept from branches and shortcuts, while forward stays what
 * it is: copies of both stand in front of every addition, and the gradients by the copies are
 * multiplied by 0 or 1. Since backward is linear, what arrives at a node is the sum of what arrives
 * through each open path.
 */
final class GradientGates implements AutoCloseable {
  private final LabContext lab;
  private final List<ResidualBlock> blocks;
  private final boolean[] branch;
  private final boolean[] shortcut;
  private final Executable step;
  private final int batch;

  /**
   * Compiles a step with the batch's statistics.
   *
   * @param model has the graph of {@link #gated}; its running statistics move
   * @param blocks of the network before that
   */
  GradientGates(LabContext lab, Model model, List<ResidualBlock> blocks, int batch) {
    this.lab = lab;
    this.blocks = blocks;
    this.batch = batch;
    branch = new boolean[blocks.size()];
    shortcut = new boolean[blocks.size()];
    List<Callback> callbacks = new ArrayList<>();
    Set<String> entries = new HashSet<>();
    for (int b = 0; b < blocks.size(); b++) {
      callbacks.add(gate(branchGate(blocks.get(b)), branch, b));
      callbacks.add(gate(shortcutGate(blocks.get(b)), shortcut, b));
      entries.add(blocks.get(b).entry().name());
    }
    step =
        Executable.compile(
            model, lab.training(batch).withWatch(new Watch(Set.of(), entries, callbacks)));
    open();
  }

  /** With a gate for each branch and shortcut. */
  static Graph gated(Graph graph) {
    Graph made = graph;
    for (ResidualBlock block : ResidualBlock.of(graph)) {
      made = Rewrite.scaledBranch(made, block.addition().name(), 1);
      made = Rewrite.scaledShortcut(made, block.addition().name(), 1);
    }
    return made;
  }

  static String branchGate(ResidualBlock block) {
    return block.addition().name() + ".scale";
  }

  private static String shortcutGate(ResidualBlock block) {
    return block.addition().name() + ".shortcut_scale";
  }

  private static Callback gate(String node, boolean[] open, int b) {
    return new Callback(
        node,
        Callback.What.GRADIENT,
        gradient -> {
          if (!open[b]) {
            close(gradient);
          }
        });
  }

  private static void close(Tensor gradient) {
    gradient.set(new float[Math.toIntExact(gradient.elements())]);
  }

  /** Opens all gates. */
  void open() {
    Arrays.fill(branch, true);
    Arrays.fill(shortcut, true);
  }

  /** Lets the gradient of a block pass through its branch, or its shortcut, or both. */
  void set(int block, boolean throughBranch, boolean throughShortcut) {
    branch[block] = throughBranch;
    shortcut[block] = throughShortcut;
  }

  /** Forward and backward on the first images; the loss. */
  double run() {
    return step.step(lab.images().batch(0, batch), lab.images().labels(0, batch));
  }

  /** The gradient that arrives at a block's entry through the open gates. */
  float[] entering(int block) {
    return step.tapGradient(blocks.get(block).entry().name());
  }

  @Override
  public void close() {
    step.close();
  }
}
