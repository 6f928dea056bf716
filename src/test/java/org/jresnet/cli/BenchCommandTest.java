package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.MainTest.jresnet;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which networks {@code jresnet bench} times. */
final class BenchCommandTest {
  @Test
  void commasSeparateNetworksAndOptionsOfOne() throws Exception {
    MainTest.Result result =
        bench("resnet18,ResNet18:preact,stochastic-depth=0.2,resnet18:plain,resnet18");
    assertThat(result.code()).as(result.err()).isZero();
    List<String> names = new ArrayList<>();
    for (String line : result.out().lines().toList()) {
      names.add(new ObjectMapper().readTree(line).get("configuration").asText());
    }
    assertThat(names)
        .containsExactly(
            "resnet18-infer-fp32-b1-32",
            "resnet18:preact,stochastic-depth=0.2-infer-fp32-b1-32",
            "resnet18:plain-infer-fp32-b1-32",
            "resnet18-infer-fp32-b1-32");
  }

  @Test
  void whatIsNeitherIsNamed() {
    MainTest.Result option = bench("resnet18:preact,wide");
    assertThat(option.code()).isEqualTo(2);
    assertThat(option.err()).contains("unknown option 'wide'");
    MainTest.Result network = bench("resnet18,preact");
    assertThat(network.code()).isEqualTo(2);
    assertThat(network.err()).contains("unknown model 'preact'");
  }

  private static MainTest.Result bench(String models) {
    return jresnet(
        "bench",
        "--model=" + models,
        "--work=infer",
        "--precision=fp32",
        "--size=32",
        "--batch=1",
        "--steps=1",
        "--seconds=0",
        "--no-check",
        "--json");
  }
}
