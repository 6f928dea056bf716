package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jresnet.check.Bound;
import org.jresnet.check.Comparison;
import org.jresnet.check.OpRun;
import org.jresnet.graph.DType;
import org.jresnet.loss.Objective;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Losses, and where backward starts. */
interface LossContract extends BackendUnderTest {
  @ParameterizedTest
  @MethodSource("precisions")
  default void crossEntropyIsTorchs(Precision precision) {
    require(precision);
    for (JsonNode c : TorchNumbers.cases("cross_entropy")) {
      List<Double> weights = Arrays.stream(TorchNumbers.doubles(c.get("weights"))).boxed().toList();
      LossSpec spec =
          new LossSpec(4, 5, new Objective.CrossEntropy(c.get("smoothing").asDouble(), weights));
      int[] labels = IntStream.range(0, 4).map(i -> c.get("labels").get(i).asInt()).toArray();
      Loss loss =
          loss(precision, spec, TorchNumbers.doubles(c.get("logits")), op -> op.load(labels));
      assertThat(loss.value).isCloseTo(c.get("loss").asDouble(), within(1e-12));
      assertThat(loss.correct).isEqualTo(c.get("correct").asInt());
      assertThat(
              rounded(precision)
                  .compare(
                      "dlogits of " + spec,
                      new int[] {4, 5},
                      loss.dlogits,
                      TorchNumbers.doubles(c.get("dlogits"))))
          .matches(Comparison::ok);
    }
  }

  /** One rounding to the parameters' type, and 1e-12 for another order of operations. */
  private static Bound rounded(Precision precision) {
    return new Bound.Largest(precision.parameter() == DType.F64 ? 1e-12 : Math.ulp(1f));
  }

  record Loss(double value, int correct, double[] dlogits) {}

  private Loss loss(Precision precision, LossSpec spec, double[] logits, Consumer<LossOp> load) {
    return loss(precision, spec, logits, 1, load);
  }

  private Loss loss(
      Precision precision, LossSpec spec, double[] logits, double factor, Consumer<LossOp> load) {
    DType type = precision.parameter();
    long bytes = (long) logits.length * type.bytes();
    try (Buffer memory = backend().allocate("a test", 2 * bytes);
        Buffer scale = backend().allocate("a test", Double.BYTES)) {
      Tensor z = new Tensor(memory, 0, type, logits.length);
      Tensor dz = new Tensor(memory, bytes, type, logits.length);
      OpRun.write(z, logits);
      OpRun.write(dz, BackendUnderTest.nan(logits.length));
      Tensor gradientScale = new Tensor(scale, 0, DType.F64, 1);
      gradientScale.set(new float[] {(float) factor});
      try (LossOp op = backend().loss(spec, z, dz, gradientScale)) {
        load.accept(op);
        op.run();
        long run = op.send();
        double value = op.value(run);
        assertThat(
                new Bound.Untouched()
                    .compare("logits", new int[] {logits.length}, OpRun.read(z), logits))
            .matches(Comparison::ok);
        return new Loss(value, op.correct(run), OpRun.read(dz));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("precisions")
  default void crossEntropyStaysFiniteForExtremeLogits(Precision precision) {
    require(precision);
    double[] logits = {1000, -1000, 0, -0x1p100, 0x1p100, 0, Double.NEGATIVE_INFINITY, 2, 2};
    Loss loss =
        loss(
            precision,
            new LossSpec(3, 3, Objective.CROSS_ENTROPY),
            logits,
            op -> op.load(new int[] {0, 1, 2}));
    assertThat(loss.value).isCloseTo(Math.log(2) / 3, within(1e-12));
    double[] expected = {0, 0, 0, 0, 0, 0, 0, 1 / 6.0, -1 / 6.0};
    assertThat(rounded(precision).compare("dlogits", new int[] {3, 3}, loss.dlogits, expected))
        .matches(Comparison::ok);
    // Of equal logits the first counts as the prediction.
    assertThat(loss.correct).isEqualTo(2);
  }

  @ParameterizedTest
  @MethodSource("precisions")
  default void crossEntropyNamesABadLabel(Precision precision) {
    require(precision);
    assertThatThrownBy(
            () ->
                loss(
                    precision,
                    new LossSpec(2, 3, Objective.CROSS_ENTROPY),
                    new double[] {1, 2, 3, 4, 5, 6},
                    op -> op.load(new int[] {0, 3})))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("label 3 of image 1");
  }

  /** Worked out by hand: differences 1, 2, 2, −4 and 0, 3 over 6 outputs, and a factor of 8. */
  @ParameterizedTest
  @MethodSource("precisions")
  default void meanSquaredErrorIsTorchs(Precision precision) {
    require(precision);
    LossSpec spec = new LossSpec(3, 2, new Objective.MeanSquaredError());
    float[] targets = {0, 0, 1, 5, -7, 0.5f};
    double[] outputs = {1, 2, 3, 1, -7, 3.5};
    Loss loss = loss(precision, spec, outputs, 8, op -> op.load(targets));
    assertThat(loss.value).isCloseTo((1 + 4 + 4 + 16 + 0 + 9) / 6.0, within(1e-12));
    assertThat(loss.correct).isZero();
    double[] expected = {8 / 3.0, 16 / 3.0, 16 / 3.0, -32 / 3.0, 0, 8};
    assertThat(rounded(precision).compare("doutputs", new int[] {3, 2}, loss.dlogits, expected))
        .matches(Comparison::ok);
  }

  @ParameterizedTest
  @MethodSource("precisions")
  default void backwardStartsAtTheSeed(Precision precision) {
    require(precision);
    LossSpec spec = new LossSpec(2, 3, new Objective.Seed());
    float[] seed = {0, 1, -2, 0.5f, 0, 3};
    double[] outputs = {1000, 2, 3, 4, 5, -1};
    Loss loss = loss(precision, spec, outputs, 2, op -> op.load(seed));
    assertThat(loss.value).isEqualTo(2 - 6 + 2 - 3);
    double[] expected = {0, 2, -4, 1, 0, 6};
    assertThat(new Bound.Untouched().compare("doutputs", new int[] {2, 3}, loss.dlogits, expected))
        .matches(Comparison::ok);
  }

  @ParameterizedTest
  @MethodSource("precisions")
  default void aLossIsKeptWhileTheNextOneIsComputed(Precision precision) {
    require(precision);
    LossSpec spec = new LossSpec(1, 2, new Objective.Seed());
    DType type = precision.parameter();
    try (Buffer memory = backend().allocate("a test", 4L * type.bytes());
        Buffer scale = backend().allocate("a test", Double.BYTES)) {
      Tensor z = new Tensor(memory, 0, type, 2);
      Tensor dz = new Tensor(memory, 2L * type.bytes(), type, 2);
      Tensor gradientScale = new Tensor(scale, 0, DType.F64, 1);
      gradientScale.set(new float[] {1});
      OpRun.write(z, new double[] {3, 5});
      try (LossOp op = backend().loss(spec, z, dz, gradientScale)) {
        for (int run = 0; run < 7; run++) {
          op.load(new float[] {run, 1});
          op.run();
          assertThat(op.send()).isEqualTo(run);
          if (run > 0) {
            assertThat(op.value(run - 1)).isEqualTo(3 * (run - 1) + 5);
          }
        }
        assertThat(op.value(6)).isEqualTo(23);
        assertThat(op.value(5)).isEqualTo(20);
        assertThatThrownBy(() -> op.value(4)).hasMessageContaining("last 2 of 7 steps");
        assertThatThrownBy(() -> op.value(7)).hasMessageContaining("found step 7");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("precisions")
  default void anObjectiveSaysWhatItTakes(Precision precision) {
    require(precision);
    double[] outputs = {1, 2, 3, 4};
    assertThatThrownBy(
            () ->
                loss(
                    precision,
                    new LossSpec(2, 2, Objective.CROSS_ENTROPY),
                    outputs,
                    op -> op.load(new float[4])))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("takes LABELS, found values");
    LossSpec squares = new LossSpec(2, 2, new Objective.MeanSquaredError());
    assertThatThrownBy(() -> loss(precision, squares, outputs, op -> op.load(new int[2])))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("takes VALUES, found labels");
    assertThatThrownBy(() -> loss(precision, squares, outputs, op -> op.load(new float[3])))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected 4 values, found 3");
  }
}
