package org.jresnet.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.jresnet.base.UserError;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class BlockFormTest {
  /**
   * Counted by hand from the published counts: A has no projections, as plain networks (so says the
   * paper, section 4.1), C five more in ResNet-18; a pre-activated block's norms lie in front of
   * its convolutions, those of the projections go.
   */
  @ParameterizedTest
  @CsvSource({
    "resnet18:shortcut=A, 11515688",
    "resnet18:plain, 11515688",
    "resnet18:shortcut=C, 12043816",
    "resnet18:preact, 11687720",
    "resnet18:stochastic-depth=0.2, 11689512",
    "resnet50:shortcut=A, 22780456",
    "resnet50:plain, 22780456"
  })
  void countsOfParameters(String name, long expected) {
    assertThat(Architecture.of(name).parameterCount()).isEqualTo(expected);
    assertThat(Architecture.of(name).graph(1000).parameterCount()).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "RESNET18:Shortcut=a | resnet18:shortcut=A",
        "resnet18:shortcut=B | resnet18",
        "resnet18:stochastic-depth=.20,preact,shortcut=c |"
            + " resnet18:shortcut=C,preact,stochastic-depth=0.2",
        "resnet18:preact,plain | resnet18:plain,preact"
      })
  void aNetworkHasOneName(String given, String expected) {
    assertThat(Architecture.of(given).id()).isEqualTo(expected);
    assertThat(Architecture.of(expected)).isEqualTo(Architecture.of(given));
    assertThat(Architecture.of(given).graph(2).name()).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "resnet18:shortcut=D | shortcut is A, B or C, found 'd'",
        "resnet18: | unknown option ''; known are shortcut=A",
        "resnet18:preact=1 | unknown option 'preact=1'",
        "resnet18:shortcut | unknown option 'shortcut'",
        "resnet18:preact,preact | names preact twice",
        "resnet18:stochastic-depth=1 | share between 0 and 1, found '1'",
        "resnet18:stochastic-depth=nan | share between 0 and 1, found 'nan'",
        "resnet18:plain,shortcut=A | has no shortcuts",
        "resnet18:plain,stochastic-depth=0.1 | leave out stochastic-depth",
        "mobilenet_v2:plain | only ResNets, Wide ResNets and ResNeXts",
        "resnet51:plain | unknown model"
      })
  void anythingElseIsRefused(String given, String message) {
    assertThatThrownBy(() -> Architecture.of(given))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(message);
  }

  private static List<Op> inputs(Graph graph, String node) {
    return graph.node(node).inputs().stream().map(i -> graph.nodes().get(i).op()).toList();
  }

  @Test
  void shortcuts() {
    Graph published = Architecture.of("resnet50").graph(2);
    Graph a = Architecture.of("resnet50:shortcut=A").graph(2);
    Graph c = Architecture.of("resnet50:shortcut=C").graph(2);
    Graph plain = Architecture.of("resnet50:plain").graph(2);
    assertThat(additions(a)).hasSize(16).isEqualTo(additions(c)).isEqualTo(additions(published));
    assertThat(additions(plain)).isEmpty();
    assertThat(inputs(a, "layer2.0.add").get(1).kind()).isEqualTo("concat");
    assertThat(a.shapes(1, 64, 64).get(a.node("layer2.0.shortcut.pad").index()))
        .isEqualTo(a.shapes(1, 64, 64).get(a.node("layer2.0.bn3").index()));
    assertThat(a.nodes()).noneMatch(n -> n.name().contains("downsample"));
    assertThat(c.nodes().stream().filter(n -> n.name().endsWith("downsample.1"))).hasSize(16);
  }

  private static List<String> additions(Graph graph) {
    return graph.additions().stream().map(Node::name).toList();
  }

  /** The identity's way from the stem to the last norm is free of everything but additions. */
  @Test
  void preActivationLeavesTheIdentityAlone() {
    Graph graph = Architecture.of("resnet18:preact,shortcut=A").graph(2);
    Node at = graph.node("bn2");
    int passed = 0;
    while (!at.name().equals("maxpool")) {
      List<Integer> inputs = at.inputs();
      at = graph.nodes().get(inputs.get(at.op() instanceof Op.Add ? 1 : 0));
      assertThat(at.op().kind()).isIn("add", "concat", "windowavg", "maxpool");
      passed++;
    }
    assertThat(passed).isEqualTo(8 + 2 * 3 + 1);
    assertThat(graph.nodes()).noneMatch(n -> n.name().equals("layer1.0.bn1"));
    assertThat(inputs(graph, "avgpool").get(0).kind()).isEqualTo("relu");
  }

  @Test
  void theShareThatIsDroppedGrowsWithDepth() {
    List<Double> shares =
        Architecture.of("resnet18:stochastic-depth=0.2").graph(2).nodes().stream()
            .filter(n -> n.op().draws())
            .map(n -> ((Dropout) n.op()).p())
            .toList();
    assertThat(shares).hasSize(8);
    for (int i = 0; i < 8; i++) {
      assertThat(shares.get(i)).isCloseTo(0.025 * (i + 1), within(1e-12));
    }
  }
}
