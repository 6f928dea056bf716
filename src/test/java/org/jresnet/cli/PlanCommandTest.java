package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.stream.Stream;
import org.jresnet.testing.SimulatedGpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code plan} says beside the engines, on the simulated GPU. */
final class PlanCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Cli.Result plan(Object... options) {
    assumeTrue(Boolean.getBoolean("jresnet.test.simulated"), "plans for the simulated GPU alone");
    Object[] all = {
      "plan", "--model", "mobilenet_v3_small", "--size", 32, "--fusion", "G", "--cuda-libs"
    };
    Stream<Object> given = Stream.concat(Stream.of(SimulatedGpu.folder()), Stream.of(options));
    Cli.Result result = Cli.jresnet(Stream.concat(Stream.of(all), given).toArray());
    assertThat(result.code()).as(result.err()).isZero();
    return result;
  }

  /** A pass of one small image moves so little that its latency is the number of its calls. */
  @ParameterizedTest
  @ValueSource(strings = {"bf16", "int8"})
  void inferenceHasALatencyAndNothingToFuse(String precision) throws Exception {
    Cli.Result result = plan("--work", "infer", "--batch", 1, "--precision", precision, "--json");
    assertThat(result.err()).contains("no call below 3 us").doesNotContain("computed alone");
    int calls = 0;
    double latency = 0;
    for (String line : result.out().lines().toList()) {
      JsonNode object = JSON.readTree(line);
      calls += object.path("calls").asInt();
      latency += object.path("least_latency_ms").asDouble();
    }
    assertThat(calls).isGreaterThan(80);
    assertThat(latency).isCloseTo(0.003 * calls, within(1e-9));
  }

  @Test
  void trainingNamesTheConvolutionsThatStayAlone() {
    assertThat(plan("--batch", 2, "--precision", "bf16").out())
        .doesNotContain("no call below")
        .containsPattern("features.1.block.0.0 +G sums")
        .containsPattern("features.1.block.1.fc1 +C nothing +no norm behind it");
  }
}
