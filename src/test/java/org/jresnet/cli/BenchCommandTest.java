package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.cli.Cli.Result;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which networks {@code jresnet bench} times, and what it writes. */
final class BenchCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private static Path folder;

  @Test
  void commasSeparateNetworksAndOptionsOfOne() throws Exception {
    Cli.Result result =
        bench("resnet18,ResNet18:preact,stochastic-depth=0.2,resnet18:plain,resnet18");
    assertThat(result.code()).as(result.err()).isZero();
    List<String> names = new ArrayList<>();
    for (String line : result.out().lines().toList()) {
      names.add(JSON.readTree(line).get("configuration").asText());
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
    Cli.Result option = bench("resnet18:preact,wide");
    assertThat(option.code()).isEqualTo(2);
    assertThat(option.err()).contains("unknown option 'wide'");
    Cli.Result network = bench("resnet18,preact");
    assertThat(network.code()).isEqualTo(2);
    assertThat(network.err()).contains("unknown model 'preact'");
  }

  private static Cli.Result bench(String models) {
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

  @Test
  void benchMeasuresWhatItChecked() throws IOException {
    Path csv = folder.resolve("bench");
    Result bench =
        jresnet(
            "bench",
            "--model",
            "resnet18",
            "--size",
            32,
            "--batch",
            2,
            "--steps",
            2,
            "--seconds",
            0,
            "--precision",
            "fp32",
            "--csv",
            csv,
            "--json");
    assertThat(bench.code()).as(bench.err()).isZero();
    assertThat(bench.out().lines()).hasSize(2);
    for (String line : bench.out().lines().toList()) {
      JsonNode result = JSON.readTree(line);
      assertThat(result.get("images_per_second").asDouble()).isPositive();
      assertThat(result.get("error").asDouble()).isBetween(1e-9, 0.2);
      String name = result.get("configuration").asText() + "-cpu-";
      try (Stream<Path> files = Files.list(csv)) {
        assertThat(files.filter(f -> f.getFileName().toString().startsWith(name))).hasSize(1);
      }
    }
  }
}
