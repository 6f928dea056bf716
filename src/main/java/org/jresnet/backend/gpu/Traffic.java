package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Phase;
import org.jresnet.backend.gpu.GradientSum.Way;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/**
 * What a part of a step moves through the memory of a GPU at least, and computes. Predicted from
 * the operands of each op and the passes over them that this backend makes: a tensor counts each
 * time that a kernel reads or writes it, whatever caches keep. Nothing here is measured.
 *
 * @param part of the step
 * @param bytes read and written
 * @param flops two per multiply-accumulate; 0 where memory alone limits
 */
public record Traffic(Part part, long bytes, long flops) {
  /** A part of a step, in the order in which tables list them. */
  public enum Part {
    /** Convolutions in all three directions. */
    CONVOLUTION("convolutions"),
    /** Batch norms with what is fused to them: addition, ReLU, mask. */
    NORM_FORWARD("norms forward"),
    /** Their gradients, with the ReLU's and the residual's. */
    NORM_BACKWARD("norms backward"),
    /** Gradients of a tensor that two ops read, added by a kernel after the convolution. */
    GRADIENT_SUM("gradients added"),
    /** Weights to the layout and type of convolutions, filter gradients back. */
    WEIGHTS("pack and unpack"),
    /** Bytes of pixels to normalised activations. */
    INPUT("input"),
    /** Norm of the gradient and update. */
    OPTIMIZER("optimizer"),
    /** Pools, the linear layer, the loss, ops on their own. */
    OTHER("pools, head, loss");

    private final String text;

    Part(String text) {
      this.text = text;
    }

    /** For tables. */
    public String text() {
      return text;
    }

    /**
     * The part that a call of a profile belongs to.
     *
     * @param kind of the node, or {@code input}, {@code loss}, {@code optimizer}
     * @param operation as {@link org.jresnet.backend.OpCall#operation}
     */
    public static Part of(String kind, Phase phase, String operation) {
      if (operation.equals("reorder")) {
        return WEIGHTS;
      }
      return switch (kind.replaceFirst("^recomputed ", "")) {
        case "conv", "convtranspose" ->
            operation.startsWith("norm") || operation.startsWith("batch norm")
                ? norm(phase)
                : operation.equals("add") ? GRADIENT_SUM : CONVOLUTION;
        case "norm" ->
            // Those of a convolution that computes the norm before it.
            operation.equals("forward") || operation.startsWith("backward ")
                ? CONVOLUTION
                : norm(phase);
        case "input" -> INPUT;
        case "optimizer" -> OPTIMIZER;
        default -> OTHER;
      };
    }

    private static Part norm(Phase phase) {
      return phase == Phase.BACKWARD ? NORM_BACKWARD : NORM_FORWARD;
    }
  }

  /**
   * From the start of a kernel to that of the next one in a recorded graph, at least: an estimate
   * for an H200, of a gap and of a kernel that starts and ends.
   */
  public static final double LAUNCH_SECONDS = 3e-6;

  /** Reads and writes of the update of Adam: parameter, gradient, two moments; all but one back. */
  private static final int ADAM = 7;

  /** The least time, if nothing overlaps with other parts. */
  public double seconds(double bytesPerSecond, double flopsPerSecond) {
    return Math.max(bytes / bytesPerSecond, flops / flopsPerSecond);
  }

  /**
   * A whole step, call by call: training with Adam, or inference.
   *
   * @param specs in forward order, not empty
   * @param calls of an op
   * @param trained number of parameters that the optimizer updates; 0 in inference
   */
  static List<Traffic> ofStep(
      List<OpSpec> specs, Function<OpSpec, List<Traffic>> calls, long trained) {
    List<Traffic> all = new ArrayList<>();
    OpSpec first = specs.get(0);
    all.add(new Traffic(Part.INPUT, first.x().elements() * (1 + (long) first.type().bytes()), 0));
    List<Traffic> packed = new ArrayList<>();
    List<Traffic> unpacked = new ArrayList<>();
    for (OpSpec spec : specs) {
      boolean packs = true;
      for (Traffic call : calls.apply(spec)) {
        boolean weights = call.part == Part.WEIGHTS;
        (weights ? packs ? packed : unpacked : all).add(call);
        packs &= !weights;
      }
    }
    // One launch moves the filters of all convolutions, and one their gradients.
    for (List<Traffic> launch : List.of(packed, unpacked)) {
      if (!launch.isEmpty()) {
        all.add(new Traffic(Part.WEIGHTS, launch.stream().mapToLong(Traffic::bytes).sum(), 0));
      }
    }
    if (trained > 0) {
      long arena = 4 * trained;
      all.add(new Traffic(Part.OPTIMIZER, arena, 0));
      all.add(new Traffic(Part.OPTIMIZER, ADAM * arena, 0));
    }
    return all;
  }

  /** One op, call by call, where a kernel adds gradients. */
  static List<Traffic> of(OpSpec spec) {
    return of(spec, Way.KERNEL);
  }

  /** One op, call by call. */
  static List<Traffic> of(OpSpec spec, Way sum) {
    List<Traffic> all = new ArrayList<>();
    if (spec.convolves()) {
      normConvolution(spec, all);
    } else if (spec.op() instanceof Conv2d || spec.op() instanceof ConvTranspose2d) {
      convolution(spec, sum, all);
    } else if (spec.op() instanceof Op.BatchNorm) {
      all.addAll(ofNorm(spec));
    } else {
      for (Phase phase : List.of(Phase.FORWARD, Phase.BACKWARD)) {
        long bytes = bytes(spec, phase);
        if (bytes > 0) {
          all.add(new Traffic(Part.OTHER, bytes, phase == Phase.FORWARD ? 2 * spec.macs() : 0));
        }
      }
    }
    return all;
  }

  private static void convolution(OpSpec spec, Way sum, List<Traffic> all) {
    long flops = 2 * spec.macs();
    long weights = elements(spec, Slot.WEIGHT);
    long filter = weights * spec.type().bytes();
    long x = bytes(spec, spec.x());
    long y = bytes(spec, spec.y());
    // Where weights already have the type and the layout, they are used as they are.
    boolean packs =
        spec.pass() == Pass.TRAINING
            && (spec.type().bytes() < spec.parameterType().bytes() || taps(spec.op()) > 1);
    if (packs) {
      all.add(new Traffic(Part.WEIGHTS, 4 * weights + filter, 0));
    }
    all.add(new Traffic(Part.CONVOLUTION, x + filter + y + (spec.adds() ? y : 0), flops));
    boolean adds = spec.write(Slot.DX) == GradientWrite.ACCUMULATE;
    boolean apart = sum == Way.KERNEL;
    if (spec.write(Slot.DX) != GradientWrite.NONE) {
      all.add(new Traffic(Part.CONVOLUTION, y + filter + (adds && !apart ? 2 : 1) * x, flops));
    }
    if (adds && apart) {
      all.add(new Traffic(Part.GRADIENT_SUM, 3 * x, 0));
    }
    if (spec.write(Slot.DWEIGHT) != GradientWrite.NONE) {
      all.add(new Traffic(Part.CONVOLUTION, x + y + filter, flops));
      if (packs) {
        all.add(new Traffic(Part.WEIGHTS, 4 * weights + filter, 0));
      }
      if (spec.biased()) {
        all.add(new Traffic(Part.CONVOLUTION, y, 0));
      }
    }
  }

  /**
   * A convolution that computes the norm before it, with the norm's input for x: forward and the
   * gradient of the weights move what a convolution alone moves; the gradient of the data reads x,
   * too, for the ReLU and the sums of the norm's backward, and a kernel then makes dx of it.
   */
  private static void normConvolution(OpSpec spec, List<Traffic> all) {
    long flops = 2 * spec.macs();
    long filter = elements(spec, Slot.WEIGHT) * spec.type().bytes();
    long x = bytes(spec, spec.x());
    long y = bytes(spec, spec.y());
    Traffic weights = new Traffic(Part.WEIGHTS, 4 * elements(spec, Slot.WEIGHT) + filter, 0);
    all.add(weights);
    all.add(new Traffic(Part.CONVOLUTION, x + filter + y, flops));
    all.add(new Traffic(Part.CONVOLUTION, x + y + filter, flops));
    all.add(weights);
    all.add(new Traffic(Part.CONVOLUTION, y + filter + 2 * x, flops));
    all.add(new Traffic(Part.NORM_BACKWARD, 3 * x, 0));
  }

  /**
   * A convolution over blocks of pixels: the blocks are made, then read in both directions. What
   * engines multiply by zeros counts, too.
   */
  static List<Traffic> ofBlocked(OpSpec spec, long filter, long blocks) {
    long weights = 4 * elements(spec, Slot.WEIGHT);
    long y = bytes(spec, spec.y());
    long flops = 2 * spec.y().elements() * (filter / spec.type().bytes() / spec.y().c());
    List<Traffic> all = new ArrayList<>();
    if (spec.pass() == Pass.TRAINING) {
      all.add(new Traffic(Part.WEIGHTS, weights + filter, 0));
    }
    all.add(new Traffic(Part.CONVOLUTION, bytes(spec, spec.x()) + blocks, 0));
    all.add(new Traffic(Part.CONVOLUTION, blocks + filter + y, flops));
    if (spec.write(Slot.DWEIGHT) != GradientWrite.NONE) {
      all.add(new Traffic(Part.CONVOLUTION, blocks + y + filter, flops));
      all.add(new Traffic(Part.WEIGHTS, weights + filter, 0));
    }
    return all;
  }

  private static int taps(Op op) {
    return op instanceof ConvTranspose2d t ? t.adjoint().taps() : ((Conv2d) op).taps();
  }

  /**
   * By the batch's statistics, x passes twice in forward, because no element can be normalised
   * before all are summed, and in backward so do x, the gradient and the mask of one bit per
   * element. What comes with sums of x is read once in forward.
   */
  static List<Traffic> ofNorm(OpSpec spec) {
    List<Traffic> all = new ArrayList<>();
    boolean batch = spec.mode() == Mode.TRAIN;
    boolean summed = spec.inputs().get(0).summed();
    long tensor = bytes(spec, spec.y());
    long mask = batch && spec.activates() ? (spec.y().elements() + 7) / 8 : 0;
    long residual = spec.adds() ? tensor : 0;
    all.add(
        new Traffic(Part.NORM_FORWARD, (batch && !summed ? 3 : 2) * tensor + residual + mask, 0));
    if (spec.pass() == Pass.TRAINING) {
      long read = batch ? 2 * (2 * tensor + mask) : 2 * tensor;
      all.add(new Traffic(Part.NORM_BACKWARD, read + tensor + residual, 0));
    }
    return all;
  }

  private static long bytes(OpSpec spec, Shape shape) {
    return shape.elements() * spec.type().bytes();
  }

  private static long elements(OpSpec spec, Slot slot) {
    return spec.operands().stream()
        .filter(o -> o.slot() == slot)
        .mapToLong(Operand::elements)
        .sum();
  }

  private static long bytes(OpSpec spec, Phase phase) {
    long sum = 0;
    for (Operand o : spec.operands()) {
      sum += o.reads().contains(phase) ? o.bytes() : 0;
      sum += o.writes().contains(phase) ? o.bytes() : 0;
    }
    return sum;
  }
}
