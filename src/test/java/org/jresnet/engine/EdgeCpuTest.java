package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** That the build's second round of tests runs on what an edge CPU offers. */
@EnabledIfEnvironmentVariable(
    named = "ONEDNN_MAX_CPU_ISA",
    matches = "SSE41",
    disabledReason = "runs in the build's second round of tests, with SSE4.1 only")
class EdgeCpuTest {
  @Test
  void computesWithSse41AndRefusesBf16AndInt8ByName() {
    try (Backend backend = Backends.open("cpu")) {
      assertThat(backend.description()).contains("sse41");
      assertThat(backend.supports(Precision.FP32)).isInstanceOf(Support.Yes.class);
      assertThat(backend.autoPrecision()).isEqualTo(Precision.FP32);
      for (Precision p : List.of(Precision.BF16, Precision.INT8)) {
        assertThat(backend.supports(p))
            .isInstanceOfSatisfying(
                Support.No.class, no -> assertThat(no.reason()).contains(p.id()).contains("sse41"));
      }
    }
  }
}
