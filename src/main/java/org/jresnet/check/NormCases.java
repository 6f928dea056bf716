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
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/** Batch norms: every statistic, residual and activation that is computed with them. */
final class NormCases {
  private NormCases() {}

  static List<OpCase> all() {
    List<OpCase> cases = new ArrayList<>();
    for (Shape y :
        List.of(
            new Shape(2, 9, 7, 16),
            new Shape(5, 4, 4, 64),
            new Shape(1, 5, 3, 3),
            new Shape(2, 7, 8, 24),
            new Shape(2, 1, 1, 8))) {
      for (Mode statistics : Mode.values()) {
        for (Residual residual : Residual.values()) {
          for (Activation activation : Activation.IN_TRAINING) {
            // Frozen gamma and beta do not depend on the size: once is enough.
            for (GradientWrite parameters :
                y.n() == 2 && y.c() == 16
                    ? List.of(GradientWrite.OVERWRITE, GradientWrite.NONE)
                    : List.of(GradientWrite.OVERWRITE)) {
              Function<DType, OpSpec> spec =
                  t ->
                      Specs.norm(
                          y,
                          1e-5,
                          0.1,
                          t,
                          Pass.TRAINING,
                          statistics,
                          residual,
                          activation,
                          GradientWrite.OVERWRITE,
                          parameters);
              cases.add(new OpCase(spec, Map.of(), OpCase.Inputs.REALS, cases.size()));
              if (residual == Residual.ADD) {
                cases.add(
                    new OpCase(
                        spec, Map.of(Slot.DRESIDUAL, Slot.DY), OpCase.Inputs.REALS, cases.size()));
              }
            }
            if (statistics == Mode.EVALUATE) {
              cases.add(
                  new OpCase(
                      t ->
                          Specs.norm(
                              y,
                              1e-5,
                              0.1,
                              t,
                              Pass.INFERENCE,
                              statistics,
                              residual,
                              activation,
                              GradientWrite.NONE,
                              GradientWrite.NONE),
                      Map.of(),
                      OpCase.Inputs.REALS,
                      cases.size()));
            }
          }
        }
      }
    }
    return cases;
  }

  /** With a ReLU6 in training; the last one has more values than a worker looks at at a time. */
  static List<OpCase> clipped() {
    List<OpCase> cases = new ArrayList<>();
    for (Shape y :
        List.of(
            new Shape(2, 9, 7, 16),
            new Shape(1, 5, 3, 3),
            new Shape(2, 7, 8, 24),
            new Shape(1, 6, 8, 480))) {
      for (Mode statistics : Mode.values()) {
        for (Residual residual : Residual.values()) {
          Function<DType, OpSpec> spec =
              t ->
                  Specs.norm(
                      y,
                      1e-5,
                      0.1,
                      t,
                      Pass.TRAINING,
                      statistics,
                      residual,
                      Activation.RELU6,
                      GradientWrite.OVERWRITE,
                      GradientWrite.OVERWRITE);
          cases.add(new OpCase(spec, Map.of(), OpCase.Inputs.REALS, cases.size()));
        }
      }
    }
    return cases;
  }
}
