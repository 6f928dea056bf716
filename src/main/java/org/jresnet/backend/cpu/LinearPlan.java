package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.DataType;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.InnerProduct;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;

/**
 * The classifier, always in single precision: it is a thousandth of the network's work, and its
 * logits decide. With bfloat16 activations the features are widened into the workspace first.
 */
final class LinearPlan extends CpuPlan {
  private final Desc features;
  private final Desc x;
  private final Desc weight;
  private final Desc bias;
  private final Desc y;
  private final boolean widens;
  private final PrimitiveDesc forward;
  private PrimitiveDesc widen;
  private PrimitiveDesc narrow;
  private PrimitiveDesc backwardData;
  private PrimitiveDesc backwardWeights;
  private Optional<PrimitiveDesc> accumulation = Optional.empty();
  private final long features32;

  LinearPlan(OneDnn dnn, OpSpec spec) {
    super(dnn, spec);
    requireNoAccumulation(spec.write(Slot.DWEIGHT), "dweight and dbias");
    int n = spec.x().n();
    int c = spec.x().c();
    int k = spec.y().c();
    widens = spec.type() != DType.F32;
    features = scope.matrix(dataType(spec.type()), n, c);
    x = scope.matrix(DataType.F32, n, c);
    weight = scope.matrix(DataType.F32, k, c);
    bias = scope.vector(DataType.F32, k);
    y = scope.matrix(DataType.F32, n, k);
    features32 = align(x.bytes());
    InnerProduct product = new InnerProduct(scope);
    forward = require(product.forward(propagation(), List.of(x, weight, bias, y)), "linear");
    if (widens) {
      widen = require(scope.reorder(features, x), "widening of features");
    }
    if (spec.write(Slot.DWEIGHT) != GradientWrite.NONE) {
      backwardWeights =
          require(
              product.backwardWeights(List.of(x, weight, bias, y), forward),
              "linear backward weights");
    }
    if (spec.write(Slot.DX) != GradientWrite.NONE) {
      backwardData = require(product.backwardData(x, weight, y, forward), "linear backward data");
      accumulation = accumulation(spec.write(Slot.DX), features);
      if (widens) {
        narrow = require(scope.reorder(x, features), "narrowing of gradients");
      }
    }
    temporaries((widens ? 2 * features32 : 0) + (accumulation.isPresent() ? features.bytes() : 0));
  }

  @Override
  public String implementation() {
    return forward.implementation()
        + (backwardData == null ? "" : " | " + backwardData.implementation())
        + (backwardWeights == null ? "" : " | " + backwardWeights.implementation());
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    Memory wide = widens ? op.at(x, Slot.SCRATCH, temporary(0)) : op.at(x, Slot.X);
    if (widens) {
      op.call(FORWARD, widen, Map.of(Arg.SRC, op.at(features, Slot.X), Arg.DST, wide));
    }
    op.call(
        FORWARD,
        forward,
        Map.of(
            Arg.SRC, wide,
            Arg.WEIGHTS, op.at(weight, Slot.WEIGHT),
            Arg.BIAS, op.at(bias, Slot.BIAS),
            Arg.DST, op.at(y, Slot.Y)));
    if (backwardWeights != null) {
      if (widens) {
        op.call(BACKWARD, widen, Map.of(Arg.SRC, op.at(features, Slot.X), Arg.DST, wide));
      }
      op.call(
          BACKWARD,
          backwardWeights,
          Map.of(
              Arg.SRC, wide,
              Arg.DIFF_DST, op.at(y, Slot.DY),
              Arg.DIFF_WEIGHTS, op.at(weight, Slot.DWEIGHT),
              Arg.DIFF_BIAS, op.at(bias, Slot.DBIAS)));
    }
    if (backwardData != null) {
      long second = widens ? 2 * features32 : 0;
      Memory dx =
          widens
              ? op.at(x, Slot.SCRATCH, temporary(features32))
              : target(op, accumulation, features, second);
      op.call(
          BACKWARD,
          backwardData,
          Map.of(
              Arg.DIFF_DST,
              op.at(y, Slot.DY),
              Arg.WEIGHTS,
              op.at(weight, Slot.WEIGHT),
              Arg.DIFF_SRC,
              dx));
      if (widens) {
        op.call(
            BACKWARD,
            narrow,
            Map.of(Arg.SRC, dx, Arg.DST, target(op, accumulation, features, second)));
      }
      accumulate(op, accumulation, features, second);
    }
  }
}
