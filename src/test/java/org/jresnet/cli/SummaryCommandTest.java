package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;
import org.jresnet.cli.Cli.Result;
import org.junit.jupiter.api.Test;

/** What {@code summary} says of networks and of model files. */
final class SummaryCommandTest extends SmallRun {
  @Test
  void summaryDescribesAModelFile() throws IOException {
    Result result = jresnet("summary", run, "--json");
    assertThat(result.code()).as(result.err()).isZero();
    List<String> lines = result.out().lines().toList();
    assertThat(JSON.readTree(lines.get(0)).at("/shape/1").asInt()).isEqualTo(32);
    JsonNode total = JSON.readTree(lines.get(lines.size() - 1));
    assertThat(total.get("model").asText()).startsWith("resnet18");
    assertThat(total.get("class_names").toString()).isEqualTo("[\"camera\",\"generated\"]");
    assertThat(jresnet("summary", run).out()).contains("Classes: camera, generated");
    refused(2, "summary {}/run --classes 3", "does not go with MODEL");
    refused(1, "summary {}/none.pth", "does not exist");
  }

  @Test
  void summaryCounts() throws IOException {
    Result result = jresnet("summary", "--model", "resnet50", "--classes", "2", "--json");
    List<String> lines = result.out().lines().toList();
    assertThat(JSON.readTree(lines.get(lines.size() - 1)).get("parameters").asLong())
        .isEqualTo(23_512_130);
    assertThat(jresnet("summary", "--size", "224x96").code()).isZero();
  }
}
