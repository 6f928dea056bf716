package org.jresnet.backend.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.TensorSpec;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.reference.ReferenceBackend.Kernel;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.check.OpRun;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.testing.CheckedBackend;
import org.junit.jupiter.api.Test;
import org.opentest4j.AssertionFailedError;

/** An op that nothing else knows: it trains, and a false declaration is caught. */
class NewOpTest {
  private static final Normalization NORMALIZATION =
      new Normalization(List.of(0f, 0f, 0f), List.of(1f, 1f, 1f));
  private static final byte[] PIXELS = new byte[4 * 16 * 16 * 3];
  private static final int[] LABELS = {0, 1, 0, 1};

  static {
    new Random(1).nextBytes(PIXELS);
  }

  /** {@code y = x²}; whether it says that its gradient reads x is up to the test. */
  private record Square(boolean honest) implements Op {
    @Override
    public String kind() {
      return "square";
    }

    @Override
    public Shape output(List<Shape> inputs) {
      return inputs.get(0);
    }

    @Override
    public Set<Slot> reads(Slot gradient) {
      return honest ? Set.of(Slot.X) : Set.of();
    }
  }

  /** {@code y = x²}, {@code dx = 2x·dy} */
  private static final class SquareOp extends ReferenceOp {
    SquareOp(OpSpec spec, Operands operands) {
      super(spec, operands);
    }

    @Override
    public void forward() {
      View x = view(Slot.X);
      View y = view(Slot.Y);
      for (int i = 0; i < y.length; i++) {
        y.set(i, x.get(i) * x.get(i));
      }
    }

    @Override
    public void backward() {
      View x = view(Slot.X);
      View dy = view(Slot.DY);
      View dx = gradient(Slot.DX, spec.write(Slot.DX));
      for (int i = 0; i < dx.length; i++) {
        dx.add(i, 2 * x.get(i) * dy.get(i));
      }
    }
  }

  private static Backend backend() {
    return new ReferenceBackend(Map.of(Square.class, new Kernel(spec -> 0, SquareOp::new)));
  }

  private static Graph graph(Square square) {
    Graph.Builder g = Graph.builder("squares", 3);
    int x = g.add("conv1", new Conv2d(3, 4, 3, 2, 1), 0);
    x = g.add("square1", square, x);
    x = g.add("conv2", new Conv2d(4, 4, 3, 1, 1), x);
    x = g.add("square2", square, x);
    x = g.add("avgpool", new Op.GlobalAvgPool(), x);
    g.add("fc", new Op.Linear(4, 2), x);
    return g.build();
  }

  private static double train(Backend backend, Square square, int steps) {
    try (Model model = new Model(graph(square), backend, Precision.FP64);
        OptimizerState sgd = new OptimizerState(model, new UpdateRule.Sgd(0, 0), Set.of());
        Executable step =
            Executable.compile(model, CompileOptions.training(4, 16, NORMALIZATION))) {
      model.initialize(3, Model.BlockEnd.ONE);
      double loss = 0;
      for (int i = 0; i < steps; i++) {
        loss = step.step(PIXELS, LABELS);
        sgd.step(0.01, 1);
      }
      return loss;
    }
  }

  private static OpSpec spec(boolean honest) {
    TensorSpec tensor = new TensorSpec(new Shape(1, 2, 3, 4), DType.F64);
    return new OpSpec(
        new Square(honest),
        List.of(),
        List.of(tensor),
        tensor,
        Mode.TRAIN,
        Pass.TRAINING,
        Map.of(Slot.DX, GradientWrite.OVERWRITE));
  }

  @Test
  void anOpThatTheEngineHasNeverSeenTrains() {
    try (Backend backend = backend()) {
      double before = train(backend, new Square(true), 1);
      assertThat(train(backend, new Square(true), 30)).isLessThan(0.995 * before);
      // Watched, it computes the same.
      assertThat(train(new CheckedBackend(backend), new Square(true), 2))
          .isEqualTo(train(backend, new Square(true), 2));
    }
  }

  /** Without the declaration the memory of x is given away, and the gradients are wrong. */
  @Test
  void aForgottenReadIsNamedInANetwork() {
    try (Backend backend = backend()) {
      assertThat(train(backend, new Square(false), 2))
          .isNotEqualTo(train(backend, new Square(true), 2));
      assertThatThrownBy(() -> train(new CheckedBackend(backend), new Square(false), 1))
          .isInstanceOf(AssertionFailedError.class)
          .hasMessageContaining("square, BACKWARD: DX depends on [X]");
    }
  }

  @Test
  void aForgottenReadIsNamedByTheContractsHarness() {
    double[] ones = new double[24];
    java.util.Arrays.fill(ones, 1);
    Map<Slot, double[]> inputs = Map.of(Slot.X, ones, Slot.DY, ones);
    try (Backend backend = backend()) {
      assertThat(OpRun.run(new CheckedBackend(backend), spec(true), inputs, Map.of()).get(Slot.DX))
          .containsOnly(2.0);
      assertThatThrownBy(
              () -> OpRun.run(new CheckedBackend(backend), spec(false), inputs, Map.of()))
          .isInstanceOf(AssertionFailedError.class)
          .hasMessageContaining("DX depends on [X]");
    }
  }
}
