package org.jresnet.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.junit.jupiter.api.Test;

final class ResNetTest {
  /** 4.09 GMAC are torchvision's published GFLOPS of resnet50. */
  @Test
  void workOfResNet50() {
    Graph graph = Architecture.of("resnet50").graph(1000);
    var shapes = graph.shapes(1, 224, 224);
    long macs = graph.nodes().stream().mapToLong(n -> n.op().macs(shapes.get(n.index()))).sum();
    assertThat(macs / 1e9).isBetween(4.08, 4.10);
    assertThat(shapes.get(graph.node("layer4.2.relu").index())).isEqualTo(new Shape(1, 7, 7, 2048));
    assertThat(shapes.get(graph.node("maxpool").index())).isEqualTo(new Shape(1, 56, 56, 64));
  }

  @Test
  void namesFollowTorchvision() {
    assertThat(Architecture.of("resnet50").graph(1000).parameters())
        .extracting(Parameter::name)
        .startsWith(
            "conv1.weight",
            "bn1.weight",
            "bn1.bias",
            "bn1.running_mean",
            "bn1.running_var",
            "bn1.num_batches_tracked")
        .contains("layer3.0.downsample.0.weight", "layer4.2.bn3.running_var")
        .endsWith("fc.weight", "fc.bias")
        .hasSize(320);
  }

  @Test
  void everyGroupNeedsAChannel() {
    Graph narrowest = Architecture.of("resnext50_32x4d").graph(2, 16);
    assertThat(narrowest.node("layer1.0.conv2").parameters().get(0).shape())
        .containsExactly(32, 1, 3, 3);
    assertThatThrownBy(() -> Architecture.of("resnext50_32x4d").graph(2, 15))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("resnext50_32x4d needs at least 16 channels in the stem")
        .hasMessageContaining("found 15");
  }

  @Test
  void everySizeInfersOrSaysWhy() {
    Graph graph = Architecture.of("resnet18").graph(2);
    assertThat(graph.shapes(3, 75, 61).get(graph.output().index()))
        .isEqualTo(new Shape(3, 1, 1, 2));
    assertThat(graph.shapes(1, 1, 1)).isNotEmpty();
    assertThatThrownBy(() -> Architecture.of("resnet51"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("resnet50");
  }
}
