package org.jresnet.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.check.Specs.Activation;
import org.jresnet.check.Specs.Residual;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/** Cases of activations other than ReLU. */
final class ActivationCases {
  private ActivationCases() {}

  /** Functions other than ReLU: alone, behind a folded convolution, and behind a batch norm. */
  static List<OpCase> all() {
    List<OpCase> cases = new ArrayList<>();
    Conv2d conv = new Conv2d(16, 24, 3, 1, 1).grouped(2);
    Shape x = new Shape(2, 6, 7, 16);
    for (Activation f : Activation.values()) {
      if (Activation.IN_TRAINING.contains(f)) {
        continue;
      }
      for (Shape y : List.of(new Shape(1, 5, 7, 3), new Shape(2, 8, 9, 16))) {
        for (OpCase.Wanted g : OpCase.wanted(OpCase.ANY, OpCase.ONE)) {
          cases.add(reals(t -> Specs.activation(f, y, t, g.pass(), g.dx()), cases.size()));
        }
      }
      for (Residual residual : Residual.values()) {
        cases.add(
            new OpCase(
                t -> Specs.foldedConv(x, conv, t, 1e-5, residual, f),
                residual == Residual.ADD ? Map.of(Slot.RESIDUAL, Slot.Y) : Map.of(),
                OpCase.Inputs.REALS,
                cases.size()));
        cases.add(
            reals(
                t ->
                    Specs.norm(
                        x,
                        1e-5,
                        0.1,
                        t,
                        Pass.INFERENCE,
                        Mode.EVALUATE,
                        residual,
                        f,
                        GradientWrite.NONE,
                        GradientWrite.NONE),
                cases.size()));
      }
    }
    return cases;
  }

  private static OpCase reals(Function<DType, OpSpec> spec, int seed) {
    return new OpCase(spec, Map.of(), OpCase.Inputs.REALS, seed);
  }
}
