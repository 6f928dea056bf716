package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.reference.Loss;
import org.jresnet.loss.Objective;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Losses and their gradients, against the reference backend. */
class LossKernelsTest extends KernelTest {
  private static final double FACTOR = 1024;

  /** What kernels make of the outputs of a network. */
  private record Computed(double value, double correct, float[] gradient) {}

  private Computed compute(
      String kernel, LossSpec spec, float[] outputs, DeviceMemory asked, DeviceMemory head) {
    int n = spec.n();
    DeviceMemory scale = memory(8);
    scale.hostView().putDouble(0, FACTOR);
    DeviceMemory gradient = memory(4L * outputs.length);
    DeviceMemory losses = memory(8L * n);
    DeviceMemory hits = memory(4L * n);
    DeviceMemory result = memory(16);
    launch(
        kernel,
        new Arguments()
            .add(at(floats(outputs)))
            .add(at(asked))
            .add(at(head))
            .add(at(gradient))
            .add(at(scale))
            .add(at(losses))
            .add(at(hits))
            .add(n)
            .add(spec.outputs()));
    HostKernels.launch(
        "lossSums", 1, new Arguments().add(at(losses)).add(at(hits)).add(at(result)).add(n).bits());
    return new Computed(
        result.hostView().getDouble(0), result.hostView().getDouble(8), floats(gradient));
  }

  private static void requireClose(float[] gradient, double[] expected, double bound) {
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) gradient[i]).isCloseTo(expected[i], within(bound * FACTOR));
    }
  }

  private static double[] doubles(float[] values) {
    double[] wide = new double[values.length];
    Arrays.setAll(wide, i -> values[i]);
    return wide;
  }

  @Test
  void crossEntropyIsTheReferences() {
    int n = 7;
    int classes = 5;
    float[] logits = normal(n * classes);
    logits[3] = logits[2]; // a tie
    int[] labels = {0, 1, 2, 3, 4, 2, 2};
    List<Double> weights = List.of(0.5, 1.0, 2.0, 1.5, 0.25);
    LossSpec spec = new LossSpec(n, classes, new Objective.CrossEntropy(0.1, weights));
    double[] dz = new double[logits.length];
    Loss reference = Loss.of(spec);
    reference.load(labels);
    double expected = reference.compute(doubles(logits), dz, FACTOR);

    DeviceMemory head = memory(8L * (1 + classes));
    head.hostView().putDouble(0, 0.1);
    for (int k = 0; k < classes; k++) {
      head.hostView().putDouble(8 * (1 + k), weights.get(k));
    }
    DeviceMemory labelMemory = memory(4L * n);
    labelMemory.hostView().asIntBuffer().put(labels);
    Computed found = compute("crossEntropy", spec, logits, labelMemory, head);
    assertThat(found.value).isCloseTo(expected, within(1e-12));
    assertThat(found.correct).isEqualTo(reference.correct());
    requireClose(found.gradient, dz, 1e-7);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void valueLossIsTheReferences(boolean seed) {
    int n = 3;
    int outputs = 130; // more than a block has threads
    float[] given = normal(n * outputs);
    float[] outputValues = normal(n * outputs);
    Objective objective = seed ? new Objective.Seed() : new Objective.MeanSquaredError();
    LossSpec spec = new LossSpec(n, outputs, objective);
    double[] dz = new double[outputValues.length];
    Loss reference = Loss.of(spec);
    reference.load(given);
    double expected = reference.compute(doubles(outputValues), dz, FACTOR);

    DeviceMemory head = memory(8);
    head.hostView().putDouble(0, seed ? 1 : 0);
    Computed found = compute("valueLoss", spec, outputValues, floats(given), head);
    assertThat(found.value).isCloseTo(expected, within(1e-12 * n * outputs));
    assertThat(found.correct).isZero();
    requireClose(found.gradient, dz, 1e-6);
  }
}
