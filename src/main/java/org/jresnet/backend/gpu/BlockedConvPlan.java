package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;
import static org.jresnet.backend.Phase.PREPARE;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.gpu.Planner.Arithmetic;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Convolution;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/**
 * The first convolution of a network: stride 2 over three or four channels, computed with stride 1
 * over blocks of 2x2 pixels that lie in 16 channels (space to depth). A filter of 7x7 becomes one
 * of 4x4 whose last row and column are zero, so the sums are those of the plain convolution with
 * zeros among them. Engines for few channels want a copy of the whole input in their workspace;
 * with 16 channels the main engines need next to none.
 */
final class BlockedConvPlan extends GpuPlan {
  /** Pixels of a block, each way, and the stride that they take away. */
  private static final int BLOCK = 2;

  /** What tensor cores read at once in 16 bits, twice. */
  private static final int CHANNELS = 16;

  private final Conv2d conv;
  private final Conv2d blocked;
  private final Shape blocks;
  private final Planned forward;
  private final Optional<Planned> backward;
  private final String type;
  private final long filterBytes;
  private final long blockBytes;

  /** Whether an op is such a convolution, and computes in 16 bits. */
  static boolean suits(OpSpec spec) {
    return spec.op() instanceof Conv2d c
        && spec.tail().isEmpty()
        && (spec.type() == DType.BF16 || spec.type() == DType.F16)
        && c.groups() == 1
        && !spec.biased()
        && !spec.output().summed()
        && BLOCK * BLOCK * c.c() <= CHANNELS
        && suits(c.rows())
        && suits(c.columns())
        && spec.write(Slot.DX) == GradientWrite.NONE;
  }

  private static boolean suits(Axis axis) {
    return axis.stride() == BLOCK && axis.dilation() == 1 && axis.size() > 1;
  }

  BlockedConvPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    requireNoAccumulation(spec.write(Slot.DWEIGHT), "dweight");
    conv = (Conv2d) spec.op();
    type = Gpu.suffix(spec.type());
    Axis rows = blocked(conv.rows());
    Axis columns = blocked(conv.columns());
    blocked = new Conv2d(CHANNELS, conv.k(), rows, columns);
    Shape y = spec.y();
    blocks = new Shape(y.n(), y.h() + rows.size() - 1, y.w() + columns.size() - 1, CHANNELS);
    filterBytes = (long) conv.k() * blocked.taps() * CHANNELS * spec.type().bytes();
    blockBytes = blocks.elements() * spec.type().bytes();
    forward = use(convolve(), "the convolution");
    backward =
        spec.write(Slot.DWEIGHT) == GradientWrite.NONE
            ? Optional.empty()
            : Optional.of(use(filter(), "the gradient of the convolution's weights"));
    backward.ifPresent(b -> temporaries(filterBytes));
    if (training()) {
      saved(align(filterBytes) + blockBytes);
    } else {
      packed(filterBytes);
      temporaries(blockBytes);
    }
  }

  private static Axis blocked(Axis axis) {
    return new Axis((axis.size() + BLOCK - 1) / BLOCK, 1, 0);
  }

  private Optional<Planned> plan(String what, BiConsumer<Draft, Convolution> draft) {
    return planner.plan(
        "convolution " + what + " " + text(blocks, spec.y(), blocked),
        spec.type(),
        Arithmetic.PRODUCTS,
        d -> draft.accept(d, new Convolution(d.graph, geometry(blocked))));
  }

  private Optional<Planned> convolve() {
    return plan(
        "forward",
        (d, convolution) ->
            convolution.forward(
                d.tensor("x", blocks), d.filter("w", blocked), d.tensor("y", spec.y())));
  }

  private Optional<Planned> filter() {
    return plan(
        "backward weights",
        (d, convolution) ->
            convolution.backwardFilter(
                d.tensor("x", blocks), d.tensor("dy", spec.y()), d.filter("dw", blocked)));
  }

  @Override
  List<Traffic> traffic() {
    return Traffic.ofBlocked(spec, filterBytes, blockBytes);
  }

  /** The launch that makes blocks. */
  KernelTrial blocking() {
    return new KernelTrial(
        "blocks of " + text(spec.x()),
        "block",
        Gpu.grid(planner.limits(), blocks.elements() / 8),
        spec.type(),
        List.of(spec.x().elements() * spec.type().bytes(), blockBytes),
        at -> blocking(at[0], at[1]));
  }

  private Arguments blocking(long x, long y) {
    return new Arguments()
        .add(x)
        .add(y)
        .add(spec.x().n())
        .add(spec.x().h())
        .add(spec.x().w())
        .add(spec.x().c())
        .add(conv.rows().padding())
        .add(conv.columns().padding())
        .add(blocks.h())
        .add(blocks.w());
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    Place filter = op.at(training() ? Slot.SAVED : Slot.PACKED);
    Place x = training() ? filter.plus(align(filterBytes)) : op.at(Slot.SCRATCH, temporary(0));
    op.kernel(
        training() ? FORWARD : PREPARE,
        "packBlocked_" + type,
        (long) conv.k() * blocked.taps() * CHANNELS,
        weights() * 4 + filterBytes,
        filterExtents(new Arguments().add(op.at(Slot.WEIGHT).address()).add(filter.address())));
    op.kernel(
        FORWARD,
        "block_" + type,
        blocks.elements() / 8,
        spec.x().elements() * spec.type().bytes() + blockBytes,
        blocking(op.at(Slot.X).address(), x.address()));
    op.engine(
        FORWARD,
        "convolution forward",
        forward,
        Map.of("x", x, "w", filter, "y", op.at(Slot.Y)),
        Map.of());
    backward.ifPresent(
        engine -> {
          Place dw = op.at(Slot.SCRATCH, temporary(0));
          op.engine(
              BACKWARD,
              "convolution backward weights",
              engine,
              Map.of("x", x, "dy", op.at(Slot.DY), "dw", dw),
              Map.of());
          op.kernel(
              BACKWARD,
              "unpackBlocked_" + type,
              weights(),
              weights() * 4 + filterBytes,
              filterExtents(new Arguments().add(dw.address()).add(op.at(Slot.DWEIGHT).address())));
        });
  }

  private long weights() {
    return (long) conv.k() * conv.c() * conv.taps();
  }

  private Arguments filterExtents(Arguments arguments) {
    return arguments.add(conv.k()).add(conv.c()).add(conv.rows().size()).add(conv.columns().size());
  }
}
