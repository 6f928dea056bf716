package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;
import static org.jresnet.backend.Phase.PREPARE;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.gpu.GradientSum.Way;
import org.jresnet.backend.gpu.Planner.Arithmetic;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Convolution;
import org.jresnet.nativebindings.cuda.Elementwise;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.OpGraph.Value;

/**
 * Convolution, also transposed: then the engine for the gradient of the input computes the output,
 * and the other way round. Weights are packed and their gradients unpacked, see {@link Filters}. A
 * bias is added by the forward engine, in the activation type, or by our own kernel where the
 * convolution is transposed. The forward engine may also sum what it writes, see {@link
 * SummedConv}.
 */
final class ConvPlan extends GpuPlan {
  private final boolean transposed;

  /** The convolution, or the one that it is the transpose of. */
  private final Conv2d conv;

  private final Planned forward;
  private final Planned backwardData;
  private final Planned backwardFilter;

  /** Whether gradients of weights run beside what follows. */
  private final boolean beside;

  /** How dx is added; nothing where it is written. */
  private final Optional<Way> sum;

  private final boolean biased;
  private final Filters filters;

  ConvPlan(Planner planner, OpSpec spec) {
    this(planner, spec, Optional.empty());
  }

  /** A plan that adds to dx in that way, whether it is the best or not. */
  ConvPlan(Planner planner, OpSpec spec, Optional<Way> way) {
    super(planner, spec);
    requireNoAccumulation(spec.write(Slot.DWEIGHT), "dweight and dbias");
    transposed = spec.op() instanceof ConvTranspose2d;
    conv = transposed ? ((ConvTranspose2d) spec.op()).adjoint() : (Conv2d) spec.op();
    biased = spec.biased();
    filters = new Filters(conv, spec.type());
    forward =
        use(
            spec.output().summed()
                ? SummedConv.engine(planner, spec)
                : transposed ? data(Way.KERNEL) : convolve(biased),
            "the convolution");
    if (filters.packed()) {
      long bytes =
          filters.narrow() && biased && !transposed
              ? align(filters.bytes()) + (long) conv.k() * spec.type().bytes()
              : filters.bytes();
      packed(bytes);
    }
    sum = sum(way);
    beside = planner.besides() && spec.write(Slot.DWEIGHT) != GradientWrite.NONE;
    backwardData =
        spec.write(Slot.DX) == GradientWrite.NONE
            ? null
            : use(
                transposed ? convolve(false) : data(sum.orElse(Way.KERNEL)),
                "the gradient of the convolution's input");
    backwardFilter =
        spec.write(Slot.DWEIGHT) == GradientWrite.NONE
            ? null
            : beside
                ? useBeside(filter(), "the gradient of the convolution's weights")
                : use(filter(), "the gradient of the convolution's weights");
    if (backwardFilter != null) {
      held(filters.packed() ? filters.bytes() : 0);
      long bytes = biased ? tiles().partialBytes() : 0;
      if (beside) {
        runBeside(Set.of(Slot.X, Slot.DY));
        besideTemporaries(bytes);
      } else {
        temporaries(bytes);
      }
    }
    if (sum.equals(Optional.of(Way.KERNEL))) {
      temporaries(spec.x().elements() * spec.type().bytes());
    }
  }

  private ChannelTiles tiles() {
    return new ChannelTiles(planner.limits(), spec.type(), spec.y().c(), spec.y().perChannel());
  }

  /** Shape of the side that the windows lie on. */
  private Shape image() {
    return transposed ? spec.y() : spec.x();
  }

  /** Shape of the side with one pixel a window. */
  private Shape windows() {
    return transposed ? spec.x() : spec.y();
  }

  private Optional<Planned> plan(String what, BiConsumer<Draft, Convolution> draft) {
    return planner.plan(
        key(what),
        spec.type(),
        Arithmetic.PRODUCTS,
        d -> draft.accept(d, new Convolution(d.graph, geometry(conv))));
  }

  private String key(String what) {
    return "convolution " + what + " " + text(image(), windows(), conv);
  }

  private Optional<Planned> convolve(boolean addsBias) {
    return plan(
        "forward" + (addsBias ? " + bias" : ""),
        (d, convolution) -> {
          Value x = d.tensor("x", image());
          Value w = d.filter("w", conv);
          Value sum = addsBias ? d.wide(windows()) : d.tensor("y", windows());
          convolution.forward(x, w, sum);
          if (addsBias) {
            Value bias = d.tensor("bias", new Shape(1, 1, 1, conv.k()));
            new Elementwise(d.graph).add(sum, bias, d.tensor("y", windows()));
          }
        });
  }

  /**
   * The engine of the gradient of the image, added in that way; {@link Way#KERNEL} writes it, as
   * where nothing is added.
   */
  private Optional<Planned> data(Way way) {
    return plan(
        name(way),
        (d, convolution) -> {
          Value dy = d.tensor("dy", windows());
          Value w = d.filter("w", conv);
          switch (way) {
            case BETA -> convolution.addBackwardData(dy, w, d.tensor("dx", image()));
            case FUSED -> {
              Value gradient = d.wide(image());
              convolution.backwardData(dy, w, gradient);
              Value added = d.tensor("added", image());
              new Elementwise(d.graph).add(gradient, added, d.tensor("dx", image()));
            }
            case KERNEL -> convolution.backwardData(dy, w, d.tensor("dx", image()));
          }
        });
  }

  private static String name(Way way) {
    return "backward data"
        + switch (way) {
          case BETA -> " into dx";
          case FUSED -> " + addition";
          case KERNEL -> "";
        };
  }

  private GradientSum sums() {
    return new GradientSum(this::data, planner, this::addition);
  }

  /** Milliseconds of the kernel that adds; NaN where nothing is timed. */
  private double addition() {
    long elements = spec.x().elements();
    long bytes = elements * spec.type().bytes();
    return planner.milliseconds(
        new KernelTrial(
            "addition of " + elements + " elements",
            "add",
            Gpu.vectorGrid(planner.limits(), elements),
            spec.type(),
            List.of(bytes, bytes, bytes),
            at -> new Arguments().add(at[0]).add(at[1]).add(at[2]).add(elements)));
  }

  /** For a transposed convolution a kernel adds. */
  private Optional<Way> sum(Optional<Way> asked) {
    if (spec.write(Slot.DX) != GradientWrite.ACCUMULATE) {
      return Optional.empty();
    }
    return Optional.of(transposed ? Way.KERNEL : asked.orElseGet(() -> sums().choose()));
  }

  @Override
  List<Traffic> traffic() {
    return Traffic.of(spec, sum.orElse(Way.KERNEL));
  }

  @Override
  List<Form> forms() {
    return sum.isEmpty() || transposed
        ? super.forms()
        : sums()
            .forms(
                "gradient added " + text(image(), windows(), conv),
                sum.get(),
                way -> planner.refusal(key(name(way)), spec.type()));
  }

  private Optional<Planned> filter() {
    return plan(
        "backward weights",
        (d, convolution) ->
            convolution.backwardFilter(
                d.tensor("x", image()), d.tensor("dy", windows()), d.filter("dw", conv)));
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    Place filter = op.at(filters.packed() ? Slot.PACKED : Slot.WEIGHT);
    buildForward(op, filter);
    if (beside) {
      op.beside(() -> buildBackwardFilter(op));
    } else if (backwardFilter != null) {
      buildBackwardFilter(op);
    }
    if (backwardData != null) {
      buildBackwardData(op, filter);
    }
  }

  private void buildBackwardData(GpuBinding op, Place filter) {
    Place dx = op.at(Slot.DX);
    boolean apart = sum.equals(Optional.of(Way.KERNEL));
    Place target = apart ? op.at(Slot.SCRATCH, temporary(0)) : dx;
    Map<String, Place> places = new HashMap<>();
    places.put(transposed ? "x" : "dy", op.at(Slot.DY));
    places.put("w", filter);
    places.put(transposed ? "y" : "dx", target);
    if (sum.equals(Optional.of(Way.FUSED))) {
      // In place: each element is added by the thread that then writes it.
      places.put("added", dx);
    }
    op.engine(BACKWARD, "convolution backward data", backwardData, places, Map.of());
    if (apart) {
      Pointwise.add(op, BACKWARD, spec.type(), spec.x().elements(), dx, target, dx);
    }
  }

  private void buildForward(GpuBinding op, Place filter) {
    if (filters.packed()) {
      filters.pack(op, filter);
    }
    Map<String, Place> places = new HashMap<>();
    if (spec.output().summed()) {
      SummedConv.place(op, places);
    }
    places.put(transposed ? "dy" : "x", op.at(Slot.X));
    places.put("w", filter);
    places.put(transposed ? "dx" : "y", op.at(Slot.Y));
    if (biased && !transposed) {
      Place bias = op.at(Slot.BIAS);
      if (filters.narrow()) {
        Place master = bias;
        bias = filter.plus(align(filters.bytes()));
        Pointwise.narrow(op, PREPARE, spec.type(), conv.k(), master, bias);
      }
      places.put("bias", bias);
    }
    op.engine(FORWARD, "convolution forward", forward, places, Map.of());
    if (biased && transposed) {
      Pointwise.addBias(op, spec, op.at(Slot.Y));
    }
  }

  private void buildBackwardFilter(GpuBinding op) {
    Place target = op.at(filters.packed() ? Slot.HELD : Slot.DWEIGHT);
    op.engine(
        BACKWARD,
        "convolution backward weights",
        backwardFilter,
        Map.of(
            "x",
            op.at(transposed ? Slot.DY : Slot.X),
            "dy",
            op.at(transposed ? Slot.X : Slot.DY),
            "dw",
            target),
        Map.of());
    if (filters.packed()) {
      filters.unpack(op, target);
    }
    if (biased) {
      Place partial =
          beside ? op.at(Slot.ASIDE, besideTemporary()) : op.at(Slot.SCRATCH, temporary(0));
      tiles().sums(op, BACKWARD, op.at(Slot.DY), op.at(Slot.DBIAS), partial);
    }
  }
}
