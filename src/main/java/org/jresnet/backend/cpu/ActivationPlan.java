package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.Elementwise;
import org.jresnet.nativebindings.onednn.Elementwise.Function;
import org.jresnet.nativebindings.onednn.Elementwise.Kind;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;
import org.jresnet.nativebindings.onednn.Propagation;

/** An activation that stands alone. */
final class ActivationPlan extends CpuPlan {
  private final Function function;
  private final Desc x;
  private final PrimitiveDesc forward;
  private PrimitiveDesc backward;
  private Optional<PrimitiveDesc> accumulation = Optional.empty();

  ActivationPlan(OneDnn dnn, OpSpec spec) {
    super(dnn, spec);
    function = function((Activation) spec.op());
    x = nhwc(spec.y(), spec.type());
    Elementwise elementwise = new Elementwise(scope, function);
    forward = require(elementwise.forward(propagation(), x), spec.kind());
    if (spec.write(Slot.DX) != GradientWrite.NONE) {
      PrimitiveDesc training = require(elementwise.forward(Propagation.TRAINING, x), spec.kind());
      backward = require(elementwise.backward(x, training), spec.kind() + " backward");
      accumulation = accumulation(spec.write(Slot.DX), x);
      temporaries(accumulation.isPresent() ? x.bytes() : 0);
    }
  }

  /** oneDNN's name and constants of a function. */
  static Function function(Activation f) {
    return switch (f.function()) {
      case RELU -> new Function(Kind.RELU, 0, 0);
      case RELU6 -> new Function(Kind.CLIP, 0, 6);
      case LEAKY_RELU -> new Function(Kind.RELU, (float) f.slope(), 0);
      case SIGMOID -> new Function(Kind.LOGISTIC, 0, 0);
      case SILU -> new Function(Kind.SWISH, 1, 0);
      case HARD_SWISH -> new Function(Kind.HARD_SWISH, 1 / 6f, 0.5f);
      case HARD_SIGMOID -> new Function(Kind.HARD_SIGMOID, 1 / 6f, 0.5f);
    };
  }

  @Override
  public String implementation() {
    return forward.implementation();
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    op.call(FORWARD, forward, Map.of(Arg.SRC, op.at(x, Slot.X), Arg.DST, op.at(x, Slot.Y)));
    if (backward != null) {
      boolean fromOutput = function.backwardFromOutput();
      op.call(
          BACKWARD,
          backward,
          Map.of(
              fromOutput ? Arg.DST : Arg.SRC,
              op.at(x, fromOutput ? Slot.Y : Slot.X),
              Arg.DIFF_DST,
              op.at(x, Slot.DY),
              Arg.DIFF_SRC,
              target(op, accumulation, x, 0)));
      accumulate(op, accumulation, x, 0);
    }
  }
}
