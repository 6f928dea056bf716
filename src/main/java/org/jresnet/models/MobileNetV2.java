package org.jresnet.models;

import java.util.List;
import org.jresnet.base.Interpolation;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Op;

/**
 * MobileNetV2 (Sandler et al. 2018, <a
 * href="https://arxiv.org/abs/1801.04381">arXiv:1801.04381</a>): inverted residuals, wide within
 * and narrow where they are added, with ReLU6 and no activation at their ends. Names are those of
 * <a href="https://pytorch.org/vision/stable/models/mobilenetv2.html">torchvision</a>.
 */
final class MobileNetV2 {
  /** Channels of the stem in the published network. */
  private static final int WIDTH = 32;

  private static final int LAST = 1280;
  private static final double BN_EPS = 1e-5;
  private static final double BN_MOMENTUM = 0.1;
  private static final double DROPOUT = 0.2;
  private static final Function ACTIVATION = Function.RELU6;

  /** A row of table 2 of the paper: t, c, n, s. */
  private record Stage(int expansion, int out, int blocks, int stride) {}

  private static final List<Stage> STAGES =
      List.of(
          new Stage(1, 16, 1, 1),
          new Stage(6, 24, 2, 2),
          new Stage(6, 32, 3, 2),
          new Stage(6, 64, 4, 2),
          new Stage(6, 96, 3, 1),
          new Stage(6, 160, 3, 2),
          new Stage(6, 320, 1, 1));

  private MobileNetV2() {}

  /** The count is that of torchvision's model page. */
  static List<Architecture> family() {
    Preprocessing input = Preprocessing.imageNet(256, 224, Interpolation.BILINEAR);
    return List.of(
        new Architecture("mobilenet_v2", "v2", WIDTH, input, 3_504_872, MobileNetV2::graph));
  }

  private static Graph graph(String name, int classes, int width) {
    Graph.Builder g = Graph.builder(name, 3).initialization(Layers.MOBILE);
    Layers layers = new Layers(g, BN_EPS, BN_MOMENTUM);
    double scale = (double) width / WIDTH;
    int divisor = Layers.divisor(width);
    int x = layers.convNormActivation("features.0", Layers.conv(3, width, 3, 2), ACTIVATION, 0);
    int c = width;
    int block = 1;
    for (Stage stage : STAGES) {
      int out = Layers.divisible(stage.out * scale, divisor);
      for (int i = 0; i < stage.blocks; i++) {
        int stride = i == 0 ? stage.stride : 1;
        String at = "features." + block++;
        int f = branch(layers, at + ".conv.", new int[] {c, c * stage.expansion, out}, stride, x);
        x = stride == 1 && c == out ? layers.join(at, 0, f, x) : f;
        c = out;
      }
    }
    // As torchvision's: a narrow network keeps its wide end.
    int last = Layers.divisible(LAST * Math.max(1, scale), divisor);
    x = layers.convNormActivation("features." + block, Layers.conv(c, last, 1, 1), ACTIVATION, x);
    x = g.add("avgpool", new Op.GlobalAvgPool(), x);
    x = g.add("classifier.0", new Dropout(DROPOUT, Dropout.Unit.ELEMENT), x);
    g.add("classifier.1", new Op.Linear(last, classes), x);
    return g.build();
  }

  /**
   * The inverted residual, whose last convolution and norm are modules of their own here.
   *
   * @param c channels that enter, of the depthwise convolution, and that leave
   */
  private static int branch(Layers layers, String name, int[] c, int stride, int x) {
    int layer = 0;
    int f = x;
    if (c[1] != c[0]) {
      f = layers.convNormActivation(name + layer++, Layers.conv(c[0], c[1], 1, 1), ACTIVATION, f);
    }
    f = layers.convNormActivation(name + layer++, Layers.depthwise(c[1], 3, stride), ACTIVATION, f);
    return layers.convNorm(name + layer, name + (layer + 1), Layers.conv(c[1], c[2], 1, 1), f);
  }
}
