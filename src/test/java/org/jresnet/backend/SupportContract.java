package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.jresnet.check.Specs;
import org.jresnet.check.Specs.Activation;
import org.jresnet.check.Specs.Residual;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a backend says about itself. */
interface SupportContract extends BackendUnderTest {
  @Test
  default void refusesWithAReason() {
    assertThat(backend().description()).isNotBlank();
    assertThat(backend().supports(backend().autoPrecision())).isEqualTo(Support.yes());
    for (Precision precision : Precision.values()) {
      if (backend().supports(precision) instanceof Support.No no) {
        assertThat(no.reason()).containsIgnoringCase(name());
      }
    }
    DType foreign = precisions().contains(Precision.FP64) ? DType.F32 : DType.F64;
    OpSpec spec =
        Specs.activation(
            Activation.RELU, new Shape(1, 2, 2, 4), foreign, Pass.INFERENCE, GradientWrite.NONE);
    assertThat(backend().supports(spec)).isInstanceOf(Support.No.class);
    assertThatThrownBy(() -> backend().plan(spec))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessageContaining(foreign.toString());
  }

  @ParameterizedTest
  @MethodSource("precisions")
  default void refusesToTrainABatchNormOnOneValuePerChannel(Precision precision) {
    require(precision);
    for (Mode statistics : Mode.values()) {
      OpSpec spec =
          Specs.norm(
              new Shape(1, 1, 1, 8),
              1e-5,
              0.1,
              precision.activation(),
              Pass.TRAINING,
              statistics,
              Residual.NONE,
              Activation.NONE,
              GradientWrite.OVERWRITE,
              GradientWrite.OVERWRITE);
      if (statistics == Mode.EVALUATE) {
        assertThat(backend().supports(spec)).isEqualTo(Support.yes());
        continue;
      }
      assertThat(backend().supports(spec)).isInstanceOf(Support.No.class);
      assertThatThrownBy(() -> backend().plan(spec))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("more than one value per channel")
          .hasMessageContaining("1x1x1x8");
    }
  }
}
