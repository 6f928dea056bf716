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

  /** A norm but for its activation. */
  private record Setting(Shape y, Mode statistics, Residual residual) {
    /** With the gradient of x, and with those of gamma and beta or without. */
    Function<DType, OpSpec> training(Activation activation, GradientWrite parameters) {
      return spec(activation, Pass.TRAINING, GradientWrite.OVERWRITE, parameters);
    }

    Function<DType, OpSpec> inference(Activation activation) {
      return spec(activation, Pass.INFERENCE, GradientWrite.NONE, GradientWrite.NONE);
    }

    private Function<DType, OpSpec> spec(
        Activation activation, Pass pass, GradientWrite dx, GradientWrite parameters) {
      return t ->
          Specs.norm(y, 1e-5, 0.1, t, pass, statistics, residual, activation, dx, parameters);
    }
  }

  private static List<Setting> settings(Shape... shapes) {
    List<Setting> settings = new ArrayList<>();
    for (Shape y : shapes) {
      for (Mode statistics : Mode.values()) {
        for (Residual residual : Residual.values()) {
          settings.add(new Setting(y, statistics, residual));
        }
      }
    }
    return settings;
  }

  static List<OpCase> all() {
    List<OpCase> cases = new ArrayList<>();
    for (Setting s :
        settings(
            new Shape(2, 9, 7, 16),
            new Shape(5, 4, 4, 64),
            new Shape(1, 5, 3, 3),
            new Shape(2, 7, 8, 24),
            new Shape(2, 1, 1, 8))) {
      for (Activation activation : Activation.IN_TRAINING) {
        // Frozen gamma and beta do not depend on the size: once is enough.
        for (GradientWrite parameters :
            s.y.n() == 2 && s.y.c() == 16
                ? List.of(GradientWrite.OVERWRITE, GradientWrite.NONE)
                : List.of(GradientWrite.OVERWRITE)) {
          add(cases, s.training(activation, parameters), Map.of());
          if (s.residual == Residual.ADD) {
            add(cases, s.training(activation, parameters), Map.of(Slot.DRESIDUAL, Slot.DY));
          }
        }
        if (s.statistics == Mode.EVALUATE) {
          add(cases, s.inference(activation), Map.of());
        }
      }
    }
    return cases;
  }

  /** With a ReLU6 in training; the last one has more values than a worker looks at at a time. */
  static List<OpCase> clipped() {
    List<OpCase> cases = new ArrayList<>();
    for (Setting s :
        settings(
            new Shape(2, 9, 7, 16),
            new Shape(1, 5, 3, 3),
            new Shape(2, 7, 8, 24),
            new Shape(1, 6, 8, 480))) {
      add(cases, s.training(Activation.RELU6, GradientWrite.OVERWRITE), Map.of());
    }
    return cases;
  }

  private static void add(
      List<OpCase> cases, Function<DType, OpSpec> spec, Map<Slot, Slot> aliases) {
    cases.add(new OpCase(spec, aliases, OpCase.Inputs.REALS, cases.size()));
  }
}
