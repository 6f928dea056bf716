package org.jresnet.models;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Names, shapes, order and counts against {@code tools/fixtures_network.py state-dicts}. */
class TorchvisionNamesTest {
  private static final String RESOURCE = "/fixtures/network/state-dicts.json";

  private static JsonNode facts(Architecture model) throws IOException {
    try (InputStream in = TorchvisionNamesTest.class.getResourceAsStream(RESOURCE)) {
      return new ObjectMapper().readTree(in).get(model.id());
    }
  }

  static List<Architecture> networks() {
    return Architecture.all();
  }

  @ParameterizedTest
  @MethodSource("networks")
  void stateDictIsTorchvisions(Architecture model) throws IOException {
    List<Parameter> parameters = model.graph(Architecture.PUBLISHED_CLASSES).parameters();
    assertThat(parameters.get(0).shape().get(0)).as("the stem's channels").isEqualTo(model.width());
    List<String> ours = parameters.stream().map(p -> p.name() + " " + p.shape()).toList();
    List<String> theirs =
        facts(model).get("tensors").properties().stream()
            .map(
                e ->
                    e.getKey()
                        + " "
                        + StreamSupport.stream(e.getValue().spliterator(), false)
                            .map(JsonNode::asInt)
                            .toList())
            .toList();
    assertThat(ours).containsExactlyElementsOf(theirs);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void parameterCountIsTorchvisions(Architecture model) throws IOException {
    assertThat(model.parameterCount())
        .isEqualTo(facts(model).get("parameters").get("1000").asLong());
    for (var count : facts(model).get("parameters").properties()) {
      assertThat(model.graph(Integer.parseInt(count.getKey())).parameterCount())
          .as("%s with %s classes", model.id(), count.getKey())
          .isEqualTo(count.getValue().asLong());
    }
  }

  @ParameterizedTest
  @MethodSource("networks")
  void macsAreThoseOfTorchvisionsLayers(Architecture model) throws IOException {
    Graph graph = model.graph(1000);
    for (var macs : facts(model).get("macs").properties()) {
      String[] size = macs.getKey().split("x", -1);
      List<Shape> shapes = graph.shapes(1, Integer.parseInt(size[0]), Integer.parseInt(size[1]));
      long ours =
          IntStream.range(0, shapes.size())
              .mapToLong(i -> graph.nodes().get(i).op().macs(shapes.get(i)))
              .sum();
      assertThat(ours)
          .as("%s at %s", model.id(), macs.getKey())
          .isEqualTo(macs.getValue().asLong());
    }
  }
}
