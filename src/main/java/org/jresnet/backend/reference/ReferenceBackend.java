package org.jresnet.backend.reference;

import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.InputOp;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;

/** Plain Java, double precision: slow, short, and what everything else is compared with. */
public final class ReferenceBackend implements Backend {
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
    if (spec instanceof OpSpec.Norm norm
        && norm.statistics() == OpSpec.Statistics.BATCH
        && norm.y().perChannel() < 2) {
      return Support.no(
          "a training batch norm needs more than one value per channel, found " + norm.y());
    }
    return Support.yes();
  }

  /** A plan is nothing but the spec here. */
  private record Plan(OpSpec spec, long savedBytes) implements OpPlan {
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
      if (spec instanceof OpSpec.Conv s) {
        return new ConvOp(s, operands);
      } else if (spec instanceof OpSpec.FoldedConv s) {
        return new FoldedConvOp(s, operands);
      } else if (spec instanceof OpSpec.Norm s) {
        return new NormOp(s, operands);
      } else if (spec instanceof OpSpec.Relu s) {
        return new ReluOp(s, operands);
      } else if (spec instanceof OpSpec.Add s) {
        return new AddOp(s, operands);
      } else if (spec instanceof OpSpec.MaxPool s) {
        return new MaxPoolOp(s, operands);
      } else if (spec instanceof OpSpec.GlobalAvgPool s) {
        return new GlobalAvgPoolOp(s, operands);
      }
      return new LinearOp((OpSpec.Linear) spec, operands);
    }

    @Override
    public void close() {}
  }

  @Override
  public OpPlan plan(OpSpec spec) {
    if (supports(spec) instanceof Support.No no) {
      throw new UnsupportedOperationException(no.reason());
    }
    if (spec instanceof OpSpec.Norm norm) {
      return new Plan(spec, NormOp.savedBytes(norm));
    } else if (spec instanceof OpSpec.MaxPool pool) {
      return new Plan(spec, MaxPoolOp.savedBytes(pool));
    }
    return new Plan(spec, 0);
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
  public LossOp loss(LossSpec spec, Tensor logits, Tensor dlogits) {
    return new ReferenceLoss(spec, logits, dlogits);
  }

  @Override
  public Optimizer optimizer(
      UpdateRule rule, Tensor parameters, Tensor gradients, List<Tensor> states) {
    return new ReferenceOptimizer(rule, parameters, gradients, states);
  }

  @Override
  public void close() {}
}
