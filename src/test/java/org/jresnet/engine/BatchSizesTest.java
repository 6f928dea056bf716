package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.ForwardingBackend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An inference compiled for several batch sizes. */
final class BatchSizesTest {
  private static final Graph GRAPH = Architecture.of("resnet18").graph(10, 8);
  private static final int SIZE = 32;

  /** Counts the blocks of activations that are asked for. */
  private static final class Counting extends ForwardingBackend {
    private final Backend backend;
    int blocks;

    Counting(Backend backend) {
      super(backend);
      this.backend = backend;
    }

    @Override
    public Sequence sequence(Runnable work) {
      return backend.sequence(work);
    }

    @Override
    public Buffer allocate(String purpose, long bytes) {
      blocks += purpose.equals("activations") ? 1 : 0;
      return super.allocate(purpose, bytes);
    }

    @Override
    public void close() {}
  }

  private static CompileOptions options(int batch) {
    return CompileOptions.inference(batch, SIZE, Fixture.NORMALIZATION);
  }

  private static byte[] pixels(int batch) {
    byte[] pixels = new byte[batch * SIZE * SIZE * 3];
    new Random(batch).nextBytes(pixels);
    return pixels;
  }

  private static float[] alone(Model model, int batch) {
    try (Executable executable = Executable.compile(model, options(batch))) {
      return executable.infer(pixels(batch));
    }
  }

  /**
   * Three batch sizes in turns compute what each computes alone, also after the parameters changed.
   *
   * @return blocks of activations that they took
   */
  static int inTurns(Backend backend, Precision precision) {
    Counting counting = new Counting(backend);
    try (Model model = new Model(GRAPH, counting, precision)) {
      model.initialize(5, Model.BlockEnd.ONE);
      float[] four = alone(model, 4);
      float[] one = alone(model, 1);
      counting.blocks = 0;
      try (Executable large = Executable.compile(model, options(4));
          Executable single = large.forBatch(1);
          Executable larger = large.forBatch(6)) {
        int blocks = counting.blocks;
        for (int turn = 0; turn < 3; turn++) {
          assertThat(single.infer(pixels(1))).as("one, turn %d", turn).isEqualTo(one);
          assertThat(large.infer(pixels(4))).as("four, turn %d", turn).isEqualTo(four);
          assertThat(larger.infer(pixels(6))).as("six, turn %d", turn).hasSize(60);
        }
        Tensor weight = model.tensor("layer1.0.conv1.weight");
        float[] changed = weight.toFloats();
        Arrays.fill(changed, 0, changed.length / 2, 0.25f);
        weight.set(changed);
        for (Executable executable : new Executable[] {large, single, larger}) {
          executable.parametersChanged();
        }
        assertThat(single.infer(pixels(1))).isNotEqualTo(one).isEqualTo(alone(model, 1));
        assertThat(large.infer(pixels(4))).isNotEqualTo(four).isEqualTo(alone(model, 4));
        assertThat(larger.infer(pixels(6))).isEqualTo(alone(model, 6));
        return blocks;
      }
    }
  }

  /** The reference packs nothing; oneDNN's packed layouts depend on the batch size. */
  @ParameterizedTest
  @CsvSource({"reference, FP64, 2", "cpu, FP32, 3"})
  void computeTheSameInTurns(String name, Precision precision, int blocks) {
    try (Backend backend = TestBackends.open(name)) {
      assertThat(inTurns(backend, precision)).isEqualTo(blocks);
    }
  }

  @Test
  void trainingHasOne() {
    try (Backend backend = TestBackends.open("reference");
        Model model = new Model(GRAPH, backend, Precision.FP64);
        Executable step =
            Executable.compile(model, CompileOptions.training(2, SIZE, Fixture.NORMALIZATION))) {
      assertThatThrownBy(() -> step.forBatch(1))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("compileSharingMemory");
    }
  }
}
