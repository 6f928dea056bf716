package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;
import static org.jresnet.backend.Phase.PREPARE;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Convolution;
import org.jresnet.nativebindings.onednn.DataType;
import org.jresnet.nativebindings.onednn.Deconvolution;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Filters;
import org.jresnet.nativebindings.onednn.Memory;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;
import org.jresnet.nativebindings.onednn.Weighted;

/**
 * Convolution, also transposed. Training packs the master weights into the workspace before each
 * use, because they change in every step; inference packs them once.
 */
final class ConvPlan extends CpuPlan {
  private final Desc x;
  private final Desc y;
  private final Desc master;
  private final Optional<Desc> bias;
  private final PrimitiveDesc forward;
  private final PrimitiveDesc pack;
  private PrimitiveDesc backwardData;
  private PrimitiveDesc packBackward;
  private Optional<PrimitiveDesc> accumulation = Optional.empty();
  private PrimitiveDesc backwardWeights;
  private PrimitiveDesc unpack;

  ConvPlan(OneDnn dnn, OpSpec spec) {
    super(dnn, spec);
    requireNoAccumulation(spec.write(Slot.DWEIGHT), "dweight and dbias");
    x = nhwc(spec.x(), spec.type());
    y = nhwc(spec.y(), spec.type());
    bias = spec.biased() ? Optional.of(scope.vector(DataType.F32, spec.y().c())) : Optional.empty();
    Filters filters;
    Weighted conv;
    if (spec.op() instanceof ConvTranspose2d transpose) {
      Conv2d adjoint = transpose.adjoint();
      Filters f = filters(adjoint);
      filters = new Filters(f.groups(), f.c() * f.groups(), f.k() / f.groups(), f.r(), f.s());
      master = scope.transposedFilters(DataType.F32, filters);
      conv = new Deconvolution(scope, x, y, bias, geometry(adjoint));
    } else {
      filters = filters((Conv2d) spec.op());
      master = scope.filters(DataType.F32, filters);
      conv = new Convolution(scope, x, y, bias, geometry((Conv2d) spec.op()));
    }
    Desc any = scope.filtersAnyLayout(dataType(spec.type()), filters);
    forward = require(conv.forward(propagation(), any, scope.postOps()), "convolution");
    pack = require(scope.reorder(master, forward.weights()), "packing of weights");
    if (training()) {
      temporaries(align(forward.weights().bytes()));
    } else {
      packed(forward.weights().bytes());
    }
    if (spec.write(Slot.DX) != GradientWrite.NONE) {
      backwardData = require(conv.backwardData(any, forward), "convolution backward data");
      packBackward = require(scope.reorder(master, backwardData.weights()), "packing of weights");
      accumulation = accumulation(spec.write(Slot.DX), x);
      temporaries(
          align(backwardData.weights().bytes()) + (accumulation.isPresent() ? x.bytes() : 0));
    }
    if (spec.write(Slot.DWEIGHT) != GradientWrite.NONE) {
      Desc anyGradient = scope.filtersAnyLayout(DataType.F32, filters);
      backwardWeights =
          require(conv.backwardWeights(anyGradient, forward), "convolution backward weights");
      if (!backwardWeights.diffWeights().sameAs(master)) {
        unpack =
            require(
                scope.reorder(backwardWeights.diffWeights(), master),
                "unpacking of weight gradients");
        temporaries(backwardWeights.diffWeights().bytes());
      }
    }
  }

  @Override
  public String implementation() {
    return forward.implementation()
        + (backwardData == null ? "" : " | " + backwardData.implementation())
        + (backwardWeights == null ? "" : " | " + backwardWeights.implementation());
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    boolean training = training();
    Desc packedDesc = forward.weights();
    Memory packed =
        training ? op.at(packedDesc, Slot.SCRATCH, temporary(0)) : op.at(packedDesc, Slot.PACKED);
    Memory weight = op.at(master, Slot.WEIGHT);
    op.call(training ? FORWARD : PREPARE, pack, Map.of(Arg.SRC, weight, Arg.DST, packed));
    Map<Arg, Memory> arguments = new EnumMap<>(Arg.class);
    arguments.put(Arg.SRC, op.at(x, Slot.X));
    arguments.put(Arg.WEIGHTS, packed);
    bias.ifPresent(b -> arguments.put(Arg.BIAS, op.at(b, Slot.BIAS)));
    arguments.put(Arg.DST, op.at(y, Slot.Y));
    op.call(FORWARD, forward, arguments);
    if (backwardWeights != null) {
      Memory dweight = op.at(master, Slot.DWEIGHT);
      Memory target =
          unpack == null
              ? dweight
              : op.at(backwardWeights.diffWeights(), Slot.SCRATCH, temporary(0));
      Map<Arg, Memory> gradients = new EnumMap<>(Arg.class);
      gradients.put(Arg.SRC, op.at(x, Slot.X));
      gradients.put(Arg.DIFF_DST, op.at(y, Slot.DY));
      gradients.put(Arg.DIFF_WEIGHTS, target);
      bias.ifPresent(b -> gradients.put(Arg.DIFF_BIAS, op.at(b, Slot.DBIAS)));
      op.call(BACKWARD, backwardWeights, gradients);
      if (unpack != null) {
        op.call(BACKWARD, unpack, Map.of(Arg.SRC, target, Arg.DST, dweight));
      }
    }
    if (backwardData != null) {
      Desc layout = backwardData.weights();
      Memory repacked = op.at(layout, Slot.SCRATCH, temporary(0));
      long dxTemporary = align(layout.bytes());
      op.call(BACKWARD, packBackward, Map.of(Arg.SRC, weight, Arg.DST, repacked));
      op.call(
          BACKWARD,
          backwardData,
          Map.of(
              Arg.DIFF_DST, op.at(y, Slot.DY),
              Arg.WEIGHTS, repacked,
              Arg.DIFF_SRC, target(op, accumulation, x, dxTemporary)));
      accumulate(op, accumulation, x, dxTemporary);
    }
  }
}
