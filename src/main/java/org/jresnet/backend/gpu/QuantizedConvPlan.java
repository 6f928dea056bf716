package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.FORWARD;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.gpu.Planner.Arithmetic;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Convolution;
import org.jresnet.nativebindings.cuda.DataType;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.OpGraph;

/**
 * Inference convolution on bytes in one engine of cuDNN, {@link QuantizedTail} included. The sums
 * are exact, the rest is in single precision, rounded to the nearest byte and limited to the bytes
 * that there are. The engine pads with the byte 0, so that the bias depends on the place where that
 * stands for another number.
 */
final class QuantizedConvPlan extends GpuPlan {
  /**
   * Fewer channels are filled up with zeros to this: cuDNN 9.24 plans any number for compute
   * capability 9.0, but for the stem's three it proposes another engine than for tensor cores'
   * sixteen bytes.
   */
  private static final int CHANNELS = 16;

  private final Conv2d conv;
  private final QuantizedTail tail;
  private final QuantizedFilters filters;
  private final Planned engine;

  /** Channels of a filter as the engine sees them. */
  private final int channels;

  private final Shape biases;

  QuantizedConvPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    conv = (Conv2d) spec.op();
    channels = Math.max(conv.c(), CHANNELS);
    boolean pads = conv.rows().padding() > 0 || conv.columns().padding() > 0;
    int zero = QuantizedTail.zero(spec.inputs().get(0));
    biases =
        pads && zero != 0
            ? new Shape(1, spec.y().h(), spec.y().w(), conv.k())
            : new Shape(1, 1, 1, conv.k());
    tail = new QuantizedTail(spec);
    filters = new QuantizedFilters(spec, new QuantizedFilters.Layout(channels, 0, zero, biases));
    engine =
        use(
            plan(),
            planner
                .refusal(key(), DType.I8)
                .map(why -> "the convolution on bytes (" + why + ")")
                .orElse("the convolution on bytes"));
    packed(filters.packedBytes());
    temporaries(offsetsAt() + filters.offsetBytes());
  }

  private Shape padded() {
    Shape x = spec.x();
    return new Shape(x.n(), x.h(), x.w(), channels);
  }

  private boolean widens() {
    return channels != conv.c();
  }

  private String key() {
    return "convolution x factors"
        + (biases.elements() > conv.k() ? " + bias by place" : " + bias")
        + tail.text()
        + " to bytes "
        + text(padded(), spec.y(), conv);
  }

  private Optional<Planned> plan() {
    return planner.plan(
        key(),
        DType.I8,
        Arithmetic.PRODUCTS,
        d -> {
          OpGraph.Value sums = d.sums(spec.y());
          new Convolution(d.graph, geometry(conv), DataType.I32)
              .forward(d.tensor("x", padded()), d.filter("w", conv.k(), channels, conv), sums);
          tail.draw(d, sums, biases);
        });
  }

  @Override
  List<Traffic> traffic() {
    List<Traffic> all = new ArrayList<>();
    long x = padded().elements();
    long y = spec.y().elements();
    if (widens()) {
      all.add(new Traffic(Traffic.Part.CONVOLUTION, spec.x().elements() + x, 0));
    }
    all.add(
        new Traffic(
            Traffic.Part.CONVOLUTION,
            x + filters.readBytes() + (spec.adds() ? 2 : 1) * y,
            2 * spec.macs()));
    return all;
  }

  /** Behind a wider input. */
  private long offsetsAt() {
    return widens() ? align(padded().elements()) : 0;
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    filters.prepare(op, operands, tail, op.at(Slot.SCRATCH, temporary(offsetsAt())));
    Map<String, Place> places = new HashMap<>();
    Map<String, Float> numbers = new HashMap<>();
    places.put("x", widens() ? widened(op) : op.at(Slot.X));
    places.put("w", op.at(Slot.PACKED));
    places.put("factors", filters.factors(op));
    places.put("bias", filters.bias(op));
    tail.bind(op, places, numbers);
    op.engine(FORWARD, "convolution forward", engine, places, numbers);
  }

  /** The input with channels of zeros up to what the engine takes. */
  private Place widened(GpuBinding op) {
    Place to = op.at(Slot.SCRATCH, temporary(0));
    long words = padded().elements() / 4;
    op.kernel(
        FORWARD,
        "widenPixels",
        words,
        spec.x().elements() + padded().elements(),
        new Arguments()
            .add(op.at(Slot.X).address())
            .add(to.address())
            .add(conv.c())
            .add(padded().c())
            .add(words));
    return to;
  }
}
