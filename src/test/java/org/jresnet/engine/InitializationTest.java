package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Rewrite;
import org.jresnet.models.Architecture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How the weights of each family start: the rules of torchvision's constructors. */
final class InitializationTest {
  private static Model started(Backend backend, String network, Model.BlockEnd end) {
    Model model = new Model(Architecture.of(network).graph(400, 16), backend, Precision.FP64);
    model.initialize(5, end);
    return model;
  }

  /**
   * The standard deviations are of at least 400 values, so that 3.5 standard errors are an eighth.
   *
   * @param deviation √(2 / (k·r·s)) by Kaiming's fan-out, 1/√(3·fan) of a uniform one in ±1/√fan
   */
  @ParameterizedTest
  @CsvSource({
    "resnet18, layer1.0.conv1.weight, 0.11785",
    "resnet18, fc.weight, 0.05103",
    "resnet18, fc.bias, 0.05103",
    "mobilenet_v3_small, features.5.block.1.0.weight, 0.01826",
    "mobilenet_v3_small, features.5.block.2.fc1.weight, 0.17678",
    "mobilenet_v3_small, features.5.block.2.fc1.bias, 0",
    "mobilenet_v3_small, classifier.0.weight, 0.01",
    "mobilenet_v3_small, classifier.0.bias, 0",
    "mobilenet_v3_small, classifier.3.weight, 0.01",
    "mobilenet_v3_small, classifier.3.bias, 0"
  })
  void deviationsAreTorchvisions(String network, String parameter, double deviation) {
    try (Backend backend = new ReferenceBackend();
        Model model = started(backend, network, Model.BlockEnd.ONE)) {
      float[] values = model.get(parameter);
      double squares = 0;
      double sum = 0;
      for (float v : values) {
        squares += (double) v * v;
        sum += v;
      }
      assertThat(Math.sqrt(squares / values.length)).isCloseTo(deviation, within(deviation / 8));
      assertThat(sum / values.length).isCloseTo(0, within(deviation / 5));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "resnet18, 8",
    "mobilenet_v3_small, 6",
    "efficientnet_b0, 9",
    "efficientnet_v2_s, 35",
    "regnet_y_400mf, 16"
  })
  void eachBranchMayStartWithZero(String network, int blocks) {
    try (Backend backend = new ReferenceBackend();
        Model model = started(backend, network, Model.BlockEnd.ZERO)) {
      List<String> silent =
          model.graph().nodes().stream()
              .filter(n -> n.op() instanceof Op.BatchNorm)
              .map(Node::name)
              .filter(n -> allZero(model.get(n + ".weight")))
              .toList();
      assertThat(silent).hasSize(blocks);
    }
  }

  /** A norm of weight 0 in front of the last activation would let no gradient through, ever. */
  @Test
  void aPreActivatedBranchStartsWithAConvolutionOfZeros() {
    try (Backend backend = new ReferenceBackend();
        Model model = started(backend, "resnet18:preact", Model.BlockEnd.ZERO)) {
      List<String> silent =
          model.graph().nodes().stream()
              .filter(n -> !n.parameters().isEmpty())
              .map(Node::name)
              .filter(n -> allZero(model.get(n + ".weight")))
              .toList();
      assertThat(silent).hasSize(8).allMatch(name -> name.endsWith(".conv2"));
    }
  }

  private static boolean allZero(float[] values) {
    for (float v : values) {
      if (v != 0) {
        return false;
      }
    }
    return true;
  }

  @Test
  void aRewrittenNetworkStartsAsTheOldOne() {
    var graph = Architecture.of("mobilenet_v3_small").graph(3);
    assertThat(Rewrite.head(graph, 2).initialization()).isEqualTo(graph.initialization());
  }
}
