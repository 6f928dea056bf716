package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.base.UserError;
import org.jresnet.train.TrainOptions.NetworkOptions;
import org.junit.jupiter.api.Test;

/** Names of backends. */
class BackendsTest {
  @Test
  void olderNamesMeanTheSameBackends() {
    try (Backend backend = Backends.open("onednn")) {
      assertThat(backend.name()).isEqualTo("cpu");
    }
    assertThat(Backends.canonical("cudnn")).isEqualTo("gpu");
    assertThat(Backends.NAMES).allSatisfy(n -> assertThat(Backends.canonical(n)).isEqualTo(n));
  }

  /** A run of an older version goes on under the new name. */
  @Test
  void anOlderRunsBackendIsTheSame() {
    NetworkOptions then =
        new NetworkOptions("resnet18", 4, "", false, false, List.of(), "onednn", "fp32", 0);
    assertThat(then).isEqualTo(then.on("cpu", "fp32"));
  }

  @Test
  void anUnknownNameIsAnsweredWithTheKnownOnes() {
    assertThatThrownBy(() -> Backends.open("tpu"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("cpu, gpu, reference");
  }
}
