package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Optional;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.base.Json;
import org.jresnet.base.UserError;
import org.jresnet.train.TrainOptions.NetworkOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Names of backends, and what is chosen where nothing is named. */
class BackendsTest {
  @Test
  void olderNamesMeanTheSameBackends() {
    try (Backend backend = Backends.open("onednn")) {
      assertThat(backend.name()).isEqualTo("cpu");
    }
    assertThat(BackendKind.of("cudnn")).isEqualTo(BackendKind.GPU);
  }

  @ParameterizedTest
  @EnumSource
  void everyBackendHasItsName(BackendKind kind) {
    assertThat(BackendKind.of(kind.id())).isEqualTo(kind);
  }

  /** A run of an older version goes on under the new name, and is written as before. */
  @Test
  void anOlderRunsBackendIsTheSame() {
    String then =
        "{\"model\":\"resnet18\",\"width\":4,\"weights\":\"\",\"newHead\":false,\"zeroInit\":false,"
            + "\"freeze\":[],\"backend\":\"onednn\",\"precision\":\"fp32\"}";
    NetworkOptions read = Json.parse("run.json", then, NetworkOptions.class);
    assertThat(read.backend()).isEqualTo(BackendKind.CPU);
    assertThat(read.precision()).isEqualTo(Precision.FP32);
    assertThat(Json.line(read))
        .isEqualTo(
            then.replace("onednn", "cpu").replace("\"fp32\"}", "\"fp32\",\"checkpointBlocks\":0}"));
  }

  @Test
  void anUnknownNameIsAnsweredWithTheKnownOnes() {
    assertThatThrownBy(() -> Backends.open("tpu"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("cpu, gpu, reference");
  }

  @Test
  void aPrecisionThatTheBackendLacksIsRefusedAndAutoIsOneThatItHas() {
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32)) {
      assertThat(compute.kind()).isEqualTo(BackendKind.CPU);
      assertThat(compute.precision()).isEqualTo(Precision.FP32);
    }
    assertThatThrownBy(() -> Compute.open(BackendKind.CPU, Precision.FP64))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("fp64 is not possible on the cpu backend");
    try (Compute compute =
        Compute.open(BackendKind.REFERENCE, Optional.empty(), BackendSettings.defaults())) {
      assertThat(compute.precision()).isEqualTo(compute.backend().autoPrecision());
    }
  }
}
