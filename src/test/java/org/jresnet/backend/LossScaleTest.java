package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LossScaleTest {
  @Test
  void otherPrecisionsAreNotScaled() {
    LossScale scale = new LossScale(Precision.BF16, LossScale.State.START);
    assertThat(scale.factor()).isEqualTo(1);
    assertThat(scale.accepts(Double.NaN)).isTrue();
    assertThat(scale.state()).isEqualTo(LossScale.State.START);
  }

  @Test
  void overflowHalvesAndLeavesTheStepOut() {
    LossScale scale = new LossScale(Precision.FP16, LossScale.State.START);
    assertThat(scale.factor()).isEqualTo(65536);
    assertThat(scale.accepts(3)).isTrue();
    assertThat(scale.accepts(Double.POSITIVE_INFINITY)).isFalse();
    assertThat(scale.accepts(Double.NaN)).isFalse();
    assertThat(scale.state()).isEqualTo(new LossScale.State(16384, 0));
  }

  @Test
  void manyGoodStepsDouble() {
    LossScale scale = new LossScale(Precision.FP16, new LossScale.State(8, 1998));
    assertThat(scale.accepts(1)).isTrue();
    assertThat(scale.factor()).isEqualTo(8);
    assertThat(scale.accepts(1)).isTrue();
    assertThat(scale.state()).isEqualTo(new LossScale.State(16, 0));
  }

  /** Otherwise a diverged run would leave out steps for ever. */
  @Test
  void atOneAnOverflowIsTheCallersMatter() {
    LossScale scale = new LossScale(Precision.FP16, new LossScale.State(2, 0));
    assertThat(scale.accepts(Double.NaN)).isFalse();
    assertThat(scale.factor()).isEqualTo(1);
    assertThat(scale.accepts(Double.NaN)).isTrue();
  }
}
