package org.jresnet.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.base.Interpolation;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Op;
import org.jresnet.testing.CheckedBackend;
import org.junit.jupiter.api.Test;

/** A network that the registry has never seen, described as its members are, learns. */
class NewModelTest {
  private static final int BATCH = 6;
  private static final int SIZE = 8;
  private static final int CLASSES = 3;

  /** A stem and one residual block, in names that no published network uses. */
  private static Graph build(String name, int classes, int width) {
    Graph.Builder g = Graph.builder(name, 3);
    int x = g.add("entry", new Conv2d(3, width, 3, 2, 1), 0);
    x = g.add("entry.norm", new Op.BatchNorm(width, 1e-5, 0.1), x);
    int f = g.add("block.conv", new Conv2d(width, width, 3, 1, 1), x);
    f = g.add("block.norm", new Op.BatchNorm(width, 1e-5, 0.1), f);
    x = g.add("block.out", new Op.Add(), f, x);
    x = g.add("mean", new Op.GlobalAvgPool(), x);
    g.add("answer", new Op.Linear(width, classes), x);
    return g.build();
  }

  private static final Architecture NETWORK =
      new Architecture(
          "tiny",
          "v1",
          8,
          new Preprocessing(
              SIZE, SIZE, Interpolation.BILINEAR, List.of(0.5f, 0.5f, 0.5f), List.of(1f, 1f, 1f)),
          0,
          NewModelTest::build);

  /** Noise, in which class c has a brighter channel c. */
  private static byte[] pixels() {
    byte[] pixels = new byte[BATCH * SIZE * SIZE * 3];
    Random random = new Random(4);
    for (int i = 0; i < pixels.length; i++) {
      int image = i / (SIZE * SIZE * 3);
      pixels[i] = (byte) (random.nextInt(128) + (i % 3 == image % CLASSES ? 100 : 0));
    }
    return pixels;
  }

  private static double train(Backend backend, int steps) {
    Graph graph = NETWORK.graph(CLASSES);
    assertThat(graph.head().name()).isEqualTo("answer");
    Normalization normalization =
        new Normalization(NETWORK.preprocessing().mean(), NETWORK.preprocessing().std());
    try (Model model = new Model(graph, backend, Precision.FP64);
        OptimizerState sgd = new OptimizerState(model, new UpdateRule.Sgd(0.9, 0), Set.of());
        Executable step =
            Executable.compile(model, CompileOptions.training(BATCH, SIZE, normalization))) {
      model.initialize(3, Model.BlockEnd.ONE);
      double loss = 0;
      for (int i = 0; i < steps; i++) {
        loss = step.step(pixels(), new int[] {0, 1, 2, 0, 1, 2});
        sgd.step(0.05, 1);
      }
      return loss;
    }
  }

  @Test
  void learns() {
    try (Backend backend = new ReferenceBackend()) {
      assertThat(train(backend, 1)).isGreaterThan(0.7);
      assertThat(train(backend, 60)).isLessThan(0.1);
      assertThat(train(new CheckedBackend(backend), 2)).isEqualTo(train(backend, 2));
    }
  }
}
