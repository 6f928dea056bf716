package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code jresnet summary --plan} and the races in {@code jresnet profile}. */
final class SummaryPlanTest {
  private static final String[] SMALL = {
    "--model=resnet18", "--classes=10", "--batch=24", "--backend=cpu"
  };

  private static Cli.Result run(String command, String... more) {
    List<String> arguments = new ArrayList<>(List.of(command));
    arguments.addAll(List.of(SMALL));
    arguments.addAll(List.of(more));
    Cli.Result result = jresnet(arguments.toArray());
    assertThat(result.code()).as(result.err()).isZero();
    return result;
  }

  private static void assumeVectors() {
    assumeTrue(
        ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent(),
        "no kernels of our own without Java's Vector API");
  }

  @Test
  void racesAreListedWithWhatEachCosts() throws Exception {
    assumeVectors();
    Cli.Result text = run("summary", "--plan", "--precision=fp32", "--size=64", "--work=train");
    assertThat(text.out())
        .containsPattern(
            "forward 3x3 s1 p1 64->64, 24x16x16x64 F32 +4 \\w+ +\\d+\\.\\d\\dx \\w+ +\\w+ \\d")
        .contains("backward weights 3x3 s1 p1 64->64")
        .containsPattern(
            "These ops: \\d+\\.\\d\\d ms as chosen, \\d+\\.\\d\\d ms with onednn alone");
    Cli.Result json =
        run("summary", "--plan", "--precision=fp32", "--size=64", "--work=train", "--json");
    List<JsonNode> races = new ArrayList<>();
    for (String line : json.out().lines().toList()) {
      JsonNode node = new ObjectMapper().readTree(line);
      if (node.has("race")) {
        races.add(node);
      }
    }
    assertThat(races).isNotEmpty();
    for (JsonNode race : races) {
      assertThat(race.get("candidates_ms").has(race.get("winner").asText())).isTrue();
      assertThat(race.get("nodes")).isNotEmpty();
    }
  }

  @Test
  void withoutRacesThatIsSaid() {
    Cli.Result off = run("summary", "--plan", "--precision=fp32", "--size=32", "--tune=off");
    assertThat(off.out()).contains("No race");
    Cli.Result reference =
        jresnet("summary", "--plan", "--model=resnet18", "--size=32", "--backend=reference");
    assertThat(reference.out()).contains("No race: each op has one implementation here");
  }

  @Test
  void aProfileSaysHowItsWinnersDid() {
    assumeVectors();
    Cli.Result profile =
        run("profile", "--precision=fp32", "--size=64", "--steps=1", "--top=200", "--json");
    assertThat(profile.err()).containsPattern("layer1\\.0\\.conv1 .*\\(\\d+\\.\\d\\dx \\w+\\)");
    assertThat(profile.out()).contains("\"candidates_ms\":{");
  }
}
