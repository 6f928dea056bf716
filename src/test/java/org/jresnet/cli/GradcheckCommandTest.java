package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.inspect.Derivations;
import org.jresnet.models.Architecture;
import org.jresnet.testing.SmallModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code jresnet gradcheck} as a user meets it. */
final class GradcheckCommandTest {
  @TempDir private Path folder;

  @Test
  void nodesOfAModelWithItsOwnParameters() throws Exception {
    Path model = SmallModel.write(folder.resolve("m.safetensors"), 32, 3);
    Cli.Result result =
        jresnet("gradcheck", model, "--node", "layer1.0.conv1,layer2.0.bn2,fc", "--json");
    assertThat(result.code()).as(result.err()).isZero();
    Set<String> seen = new TreeSet<>();
    for (String line : result.out().lines().toList()) {
      JsonNode values = new ObjectMapper().readTree(line);
      seen.add(values.get("node").asText() + " " + values.get("gradient").asText());
      assertThat(values.get("relative_error").asDouble()).as(line).isLessThan(1e-6);
      assertThat(values.get("elements").asInt()).as(line).isPositive();
      assertThat(values.get("backward").asDouble()).as(line).isNotZero();
    }
    assertThat(seen)
        .containsExactlyInAnyOrder(
            "layer1.0.conv1 dx",
            "layer1.0.conv1 dweight",
            "layer2.0.bn2 dx",
            "layer2.0.bn2 dgamma",
            "layer2.0.bn2 dbeta",
            "fc dx",
            "fc dweight",
            "fc dbias");
    assertThat(result.err()).contains("see docs/derivations/batch-norm.md", "All gradients agree");
  }

  @ParameterizedTest
  @ValueSource(strings = {"resnet18", "shufflenet_v2_x0_5", "mobilenet_v3_small"})
  void everyKindOfANetwork(String name) {
    Cli.Result result =
        jresnet("gradcheck", "--model", name, "--width", 8, "--all-kinds", "--elements", 6);
    assertThat(result.code()).as(result.out() + result.err()).isZero();
    assertThat(result.out()).contains("conv", "norm", "linear", "All gradients agree");
  }

  @Test
  void everyKindHasItsPage() {
    Set<String> kinds = new TreeSet<>();
    for (Architecture network : Architecture.all()) {
      Graph graph = network.graph(2);
      for (Node node : graph.nodes().subList(1, graph.nodes().size())) {
        if (kinds.add(node.op().kind())) {
          assertThat(Path.of(Derivations.page(node.op()))).as(node.op().kind()).isRegularFile();
        }
      }
    }
    assertThat(kinds).contains("conv", "norm", "add", "relu", "linear", "silu", "shuffle");
    assertThat(Derivations.page(Architecture.of("resnet18").graph(2).node("conv1").op()))
        .isEqualTo("docs/derivations/conv.md");
  }

  @Test
  void saysWhatIsWrong() {
    assertWrong("near are layer1.0.conv1", "--model", "resnet18", "--node", "layer1.0.conv5");
    assertWrong("--all-kinds", "--model", "resnet18");
    assertWrong("name a MODEL", "--all-kinds");
    assertWrong("no backward", "--model", "resnet18", "--node", "input");
  }

  private static void assertWrong(String expected, Object... arguments) {
    Object[] command = new Object[arguments.length + 1];
    command[0] = "gradcheck";
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    Cli.Result result = jresnet(command);
    assertThat(result.code()).isBetween(1, 2);
    assertThat(result.err()).contains(expected);
  }
}
