package org.jresnet.backend.reference;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.ToLongFunction;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.InputOp;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Mode;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.UserError;
import org.jresnet.graph.Activation;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Concat;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Op;
import org.jresnet.graph.Scale;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Upsample;

/** Plain Java, double precision: slow, short, and what everything else is compared with. */
public final class ReferenceBackend implements Backend {
  /**
   * How one kind of op is computed.
   *
   * @param saved how many numbers forward leaves for backward in training
   * @param bind ties it to memory
   */
  public record Kernel(ToLongFunction<OpSpec> saved, BiFunction<OpSpec, Operands, BoundOp> bind) {}

  private static final ToLongFunction<OpSpec> NOTHING = spec -> 0;
  private static final Map<Class<? extends Op>, Kernel> OWN =
      Map.ofEntries(
          Map.entry(
              Conv2d.class,
              new Kernel(
                  NOTHING,
                  (s, o) -> s.tail().isEmpty() ? new ConvOp(s, o) : new FoldedConvOp(s, o))),
          Map.entry(ConvTranspose2d.class, new Kernel(NOTHING, ConvTransposeOp::new)),
          Map.entry(Op.BatchNorm.class, new Kernel(s -> 2L * s.y().c(), NormOp::new)),
          Map.entry(Activation.class, new Kernel(NOTHING, ActivationOp::new)),
          Map.entry(Op.Add.class, new Kernel(NOTHING, AddOp::new)),
          Map.entry(Op.MaxPool.class, new Kernel(s -> s.y().elements(), MaxPoolOp::new)),
          Map.entry(Op.GlobalAvgPool.class, new Kernel(NOTHING, GlobalAvgPoolOp::new)),
          Map.entry(Op.Linear.class, new Kernel(NOTHING, LinearOp::new)),
          Map.entry(Multiply.class, new Kernel(NOTHING, MultiplyOp::new)),
          Map.entry(Scale.class, new Kernel(NOTHING, ScaleOp::new)),
          Map.entry(Dropout.class, new Kernel(NOTHING, DropoutOp::new)),
          Map.entry(Concat.class, new Kernel(NOTHING, ConcatOp::new)),
          Map.entry(ChannelSlice.class, new Kernel(NOTHING, ChannelSliceOp::new)),
          Map.entry(ChannelShuffle.class, new Kernel(NOTHING, ChannelShuffleOp::new)),
          Map.entry(AvgPool.class, new Kernel(NOTHING, AvgPoolOp::new)),
          Map.entry(Upsample.class, new Kernel(NOTHING, UpsampleOp::new)),
          Map.entry(MaxUnpool.class, new Kernel(NOTHING, MaxUnpoolOp::new)));

  private final Map<Class<? extends Op>, Kernel> kernels = new HashMap<>(OWN);

  /** Computes the ops of {@code graph.Op}. */
  public ReferenceBackend() {
    this(Map.of());
  }

  /** Computes ops of your own, too. */
  public ReferenceBackend(Map<Class<? extends Op>, Kernel> more) {
    kernels.putAll(more);
  }

  @Override
  public String name() {
    return "reference";
  }

  @Override
  public String description() {
    return "plain Java, double precision";
  }

  @Override
  public Support supports(Precision precision) {
    return precision == Precision.FP64
        ? Support.yes()
        : Support.no("the reference backend computes in fp64 alone; use --precision fp64");
  }

  @Override
  public Precision autoPrecision() {
    return Precision.FP64;
  }

  @Override
  public Support supports(OpSpec spec) {
    if (spec.type() != DType.F64) {
      return Support.no("the reference backend computes in F64, asked for " + spec);
    }
    if (spec.convolves()) {
      return Support.no("the reference backend computes norm and convolution by themselves");
    }
    if (!kernels.containsKey(spec.op().getClass())) {
      return Support.no("the reference backend has no " + spec.kind());
    }
    if (spec.mode() == Mode.TRAIN && spec.pass() == Pass.TRAINING) {
      try {
        spec.op().requireTrainable(spec.x());
      } catch (IllegalArgumentException e) {
        return Support.no(e.getMessage());
      }
    }
    return Support.yes();
  }

  /** A plan is nothing but the spec here. */
  private record Plan(OpSpec spec, Kernel kernel, long savedBytes) implements OpPlan {
    @Override
    public String implementation() {
      return "java";
    }

    @Override
    public long packedBytes() {
      return 0;
    }

    @Override
    public long scratchBytes() {
      return 0;
    }

    @Override
    public BoundOp bind(Operands operands) {
      return kernel.bind.apply(spec, operands);
    }

    @Override
    public void close() {}
  }

  @Override
  public OpPlan plan(OpSpec spec) {
    if (supports(spec) instanceof Support.No no) {
      throw new UnsupportedOperationException(no.reason());
    }
    Kernel kernel = kernels.get(spec.op().getClass());
    return new Plan(
        spec,
        kernel,
        spec.pass() == Pass.TRAINING ? kernel.saved.applyAsLong(spec) * Double.BYTES : 0);
  }

  @Override
  public Buffer allocate(String purpose, long bytes) {
    try {
      return new ReferenceBuffer(bytes);
    } catch (OutOfMemoryError | ArithmeticException e) {
      throw new UserError(
          "not enough memory for "
              + purpose
              + ": "
              + (bytes >> 20)
              + " MB do not fit on the Java heap",
          e);
    }
  }

  @Override
  public InputOp input(Shape shape, Normalization normalization, Tensor y) {
    return new ReferenceInput(shape, normalization, y);
  }

  @Override
  public LossOp loss(LossSpec spec, Tensor logits, Tensor dlogits, Tensor gradientScale) {
    return new ReferenceLoss(spec, logits, dlogits, gradientScale);
  }

  @Override
  public Optimizer optimizer(
      UpdateRule rule, Tensor parameters, Tensor gradients, List<Tensor> states) {
    return new ReferenceOptimizer(rule, parameters, gradients, states);
  }

  @Override
  public void close() {}
}
