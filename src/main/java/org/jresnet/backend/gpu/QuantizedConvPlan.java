package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.FORWARD;
import static org.jresnet.backend.Phase.PREPARE;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.QuantParams;
import org.jresnet.backend.TensorSpec;
import org.jresnet.backend.gpu.Planner.Arithmetic;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Convolution;
import org.jresnet.nativebindings.cuda.DataType;
import org.jresnet.nativebindings.cuda.Elementwise;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.Kernel.Grid;
import org.jresnet.nativebindings.cuda.OpGraph;

/**
 * Inference convolution on bytes in one engine of cuDNN, in units of the output's scale:
 *
 * <pre>
 *   y = round(factor[k]·Σ x·w[k] + bias[p][q][k] + residual·(residual scale/output scale))
 * </pre>
 *
 * The sums are exact, the rest is in single precision, rounded to the nearest byte and limited to
 * the bytes that there are. Bytes from 0 to 255 are kept 128 lower (see {@code bytes.h}): so a ReLU
 * is the lower limit, and needs no operation.
 */
final class QuantizedConvPlan extends GpuPlan {
  /** How much lower bytes from 0 to 255 are kept. */
  private static final int ZERO = 128;

  /**
   * Channels are filled up with zeros to a multiple of this. cuDNN 9.24 plans any number for
   * compute capability 9.0, but for others it proposes another engine than for all layers with
   * tensor cores' sixteen bytes.
   */
  private static final int CHANNELS = 16;

  private final Conv2d conv;
  private final Planned engine;

  /** Channels of a filter as the engine sees them. */
  private final int channels;

  /** Of the bias, which depends on the place only where padding stands for another number. */
  private final Shape places;

  QuantizedConvPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    conv = (Conv2d) spec.op();
    int seen = conv.c() / conv.groups();
    channels = conv.groups() == 1 ? (int) align(seen, CHANNELS) : seen;
    requireCapable();
    boolean pads = conv.rows().padding() > 0 || conv.columns().padding() > 0;
    places =
        pads && zero(spec.inputs().get(0)) != 0
            ? new Shape(1, spec.y().h(), spec.y().w(), conv.k())
            : new Shape(1, 1, 1, conv.k());
    engine =
        use(
            plan(),
            planner
                .refusal(key(), DType.I8)
                .map(why -> "the convolution on bytes (" + why + ")")
                .orElse("the convolution on bytes"));
    packed(biasAt() + places.elements() * Float.BYTES);
    temporaries(offsetsAt() + (long) conv.k() * Float.BYTES);
  }

  private void requireCapable() {
    Optional<Activation> activation = spec.activation();
    boolean rectifies =
        activation.isEmpty()
            || activation.get().function() == Activation.Function.RELU
                && spec.output().type() == DType.U8;
    if (!rectifies) {
      throw new UnsupportedOperationException(
          "in int8 the gpu backend computes convolutions that end in ReLU or in no activation, not"
              + " in "
              + activation.get().kind()
              + ": "
              + spec);
    }
  }

  private Shape padded() {
    Shape x = spec.x();
    return new Shape(x.n(), x.h(), x.w(), channels * conv.groups());
  }

  private boolean widens() {
    return channels * conv.groups() != conv.c();
  }

  static QuantParams scale(TensorSpec tensor) {
    return tensor.quant().orElseThrow();
  }

  /** What the byte 0 stands for. */
  static int zero(TensorSpec tensor) {
    return tensor.type() == DType.U8 ? ZERO : 0;
  }

  /** What one step of the residual is in steps of the output. */
  private float residualFactor() {
    return (float) (scale(spec.inputs().get(1)).scale() / scale(spec.output()).scale());
  }

  private String key() {
    return "convolution x factors"
        + (places.elements() > conv.k() ? " + bias by place" : " + bias")
        + (spec.adds() ? " + residual" : "")
        + " to bytes "
        + text(padded(), spec.y(), conv);
  }

  private Optional<Planned> plan() {
    return planner.plan(
        key(),
        DType.I8,
        Arithmetic.PRODUCTS,
        d -> {
          Elementwise elementwise = new Elementwise(d.graph);
          OpGraph.Value sum = d.sums(spec.y());
          new Convolution(d.graph, geometry(conv), DataType.I32)
              .forward(d.tensor("x", padded()), d.filter("w", conv.k(), channels, conv), sum);
          OpGraph.Value scaled = d.wide(spec.y());
          elementwise.multiply(sum, d.channels("factors", conv.k()), scaled);
          OpGraph.Value biased = spec.adds() ? d.wide(spec.y()) : d.tensor("y", spec.y());
          elementwise.add(scaled, d.wide("bias", places), biased);
          if (spec.adds()) {
            OpGraph.Value residual = d.wide(spec.y());
            elementwise.multiply(
                d.tensor("residual", spec.y()), d.number("residual factor"), residual);
            elementwise.add(biased, residual, d.tensor("y", spec.y()));
          }
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
    long constants = weightBytes() + (conv.k() + places.elements()) * Float.BYTES;
    all.add(
        new Traffic(
            Traffic.Part.CONVOLUTION, x + constants + (spec.adds() ? 2 : 1) * y, 2 * spec.macs()));
    return all;
  }

  private long weightBytes() {
    return (long) conv.k() * channels * conv.taps();
  }

  private long factorsAt() {
    return align(weightBytes());
  }

  private long biasAt() {
    return factorsAt() + align((long) conv.k() * Float.BYTES);
  }

  /** The biases before what place and scales add, in the scratch memory behind a wider input. */
  private long offsetsAt() {
    return widens() ? align(padded().elements()) : 0;
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    Place weights = op.at(Slot.PACKED);
    Place factors = weights.plus(factorsAt());
    Place bias = weights.plus(biasAt());
    fold(op, operands, weights, factors, op.at(Slot.SCRATCH, temporary(offsetsAt())));
    shift(op, weights, factors, op.at(Slot.SCRATCH, temporary(offsetsAt())), bias);
    Map<String, Place> places = new HashMap<>();
    places.put("x", widens() ? widened(op) : op.at(Slot.X));
    places.put("w", weights);
    places.put("factors", factors);
    places.put("bias", bias);
    places.put("y", op.at(Slot.Y));
    Map<String, Float> numbers = new HashMap<>();
    if (spec.adds()) {
      places.put("residual", op.at(Slot.RESIDUAL));
      numbers.put("residual factor", residualFactor());
    }
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

  private void fold(GpuBinding op, Operands operands, Place weights, Place factors, Place offsets) {
    op.kernel(
        PREPARE,
        "foldBytes",
        new Grid(conv.k(), Gpu.THREADS, 0),
        5 * weightBytes(),
        op.foldedParameters(operands)
            .add(((Op.BatchNorm) spec.part(Op.Part.NORM).orElseThrow()).eps())
            .add(scale(spec.inputs().get(0)).scale())
            .add(scale(spec.output()).scale())
            .add(weights.address())
            .add(factors.address())
            .add(offsets.address())
            .add(conv.k())
            .add(conv.c() / conv.groups())
            .add(channels)
            .add(conv.taps()));
  }

  private void shift(GpuBinding op, Place weights, Place factors, Place offsets, Place bias) {
    float residual = spec.adds() ? residualFactor() * zero(spec.inputs().get(1)) : 0;
    op.kernel(
        PREPARE,
        "biasBytes",
        places.elements(),
        places.elements() * Float.BYTES,
        new Arguments()
            .add(weights.address())
            .add(factors.address())
            .add(offsets.address())
            .add(bias.address())
            .add(zero(spec.inputs().get(0)))
            .add(residual - zero(spec.output()))
            .add(conv.k())
            .add(channels)
            .add(places.h())
            .add(places.w())
            .add(spec.x().h())
            .add(spec.x().w())
            .add(conv.rows().size())
            .add(conv.columns().size())
            .add(conv.rows().stride())
            .add(conv.columns().stride())
            .add(conv.rows().padding())
            .add(conv.columns().padding())
            .add(conv.rows().dilation())
            .add(conv.columns().dilation()));
  }
}
