package org.jresnet.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Shape;
import org.junit.jupiter.api.Test;

/** {@code docs/networks.md} lists what the registry has, with its numbers. */
class NetworksPageTest {
  private static String row(Architecture network) {
    Preprocessing input = network.preprocessing();
    Graph graph = network.graph(Architecture.PUBLISHED_CLASSES);
    List<Shape> shapes = graph.shapes(1, input.crop(), input.crop());
    long macs =
        IntStream.range(0, shapes.size())
            .mapToLong(i -> graph.nodes().get(i).op().macs(shapes.get(i)))
            .sum();
    return String.format(
        Locale.ROOT,
        "| `%s` | %,d | %,d | %d %s, %d |",
        network.id(),
        network.parameterCount(),
        macs,
        input.resize(),
        input.interpolation().name().toLowerCase(Locale.ROOT),
        input.crop());
  }

  @Test
  void theTableIsTheRegistry() throws IOException {
    String page = Files.readString(Path.of("docs/networks.md"));
    assertThat(Architecture.all()).hasSize(24);
    for (Architecture network : Architecture.all()) {
      assertThat(page).contains(row(network));
    }
  }
}
