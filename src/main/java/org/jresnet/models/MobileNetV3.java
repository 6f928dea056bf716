package org.jresnet.models;

import java.util.List;
import java.util.Optional;
import org.jresnet.base.Interpolation;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Op;
import org.jresnet.models.Layers.Inverted;
import org.jresnet.models.Layers.SqueezeExcite;

/**
 * MobileNetV3 (Howard et al. 2019, <a
 * href="https://arxiv.org/abs/1905.02244">arXiv:1905.02244</a>): inverted residuals, wide within
 * and narrow where they are added, with a depthwise convolution, squeeze-and-excitation and
 * hard-swish. Names are those of <a
 * href="https://pytorch.org/vision/stable/models/mobilenetv3.html">torchvision</a>.
 */
final class MobileNetV3 {
  /** Channels of the stem in the published networks. */
  private static final int WIDTH = 16;

  private static final double BN_EPS = 1e-3;
  private static final double BN_MOMENTUM = 0.01;
  private static final double DROPOUT = 0.2;

  /** Whether a block weighs its channels. */
  private enum Excite {
    NO,
    YES
  }

  /**
   * A row of tables 1 and 2 of the paper.
   *
   * @param kernel of the depthwise convolution
   * @param expanded channels within the block
   * @param out channels that leave it
   */
  private record Block(
      int kernel, int expanded, int out, Excite excite, Function activation, int stride) {
    /** The block behind {@code c} channels in a network with that stem. */
    Inverted sized(int c, int width) {
      int inside = scaled(expanded, width);
      int squeezed = Layers.divisible(inside / 4, Layers.divisor(width));
      Optional<SqueezeExcite> weighing =
          excite == Excite.YES
              ? Optional.of(new SqueezeExcite(squeezed, Function.RELU, Function.HARD_SIGMOID))
              : Optional.empty();
      return new Inverted(c, inside, scaled(out, width), kernel, stride, activation, weighing, 0);
    }
  }

  private static final List<Block> LARGE =
      List.of(
          new Block(3, 16, 16, Excite.NO, Function.RELU, 1),
          new Block(3, 64, 24, Excite.NO, Function.RELU, 2),
          new Block(3, 72, 24, Excite.NO, Function.RELU, 1),
          new Block(5, 72, 40, Excite.YES, Function.RELU, 2),
          new Block(5, 120, 40, Excite.YES, Function.RELU, 1),
          new Block(5, 120, 40, Excite.YES, Function.RELU, 1),
          new Block(3, 240, 80, Excite.NO, Function.HARD_SWISH, 2),
          new Block(3, 200, 80, Excite.NO, Function.HARD_SWISH, 1),
          new Block(3, 184, 80, Excite.NO, Function.HARD_SWISH, 1),
          new Block(3, 184, 80, Excite.NO, Function.HARD_SWISH, 1),
          new Block(3, 480, 112, Excite.YES, Function.HARD_SWISH, 1),
          new Block(3, 672, 112, Excite.YES, Function.HARD_SWISH, 1),
          new Block(5, 672, 160, Excite.YES, Function.HARD_SWISH, 2),
          new Block(5, 960, 160, Excite.YES, Function.HARD_SWISH, 1),
          new Block(5, 960, 160, Excite.YES, Function.HARD_SWISH, 1));

  private static final List<Block> SMALL =
      List.of(
          new Block(3, 16, 16, Excite.YES, Function.RELU, 2),
          new Block(3, 72, 24, Excite.NO, Function.RELU, 2),
          new Block(3, 88, 24, Excite.NO, Function.RELU, 1),
          new Block(5, 96, 40, Excite.YES, Function.HARD_SWISH, 2),
          new Block(5, 240, 40, Excite.YES, Function.HARD_SWISH, 1),
          new Block(5, 240, 40, Excite.YES, Function.HARD_SWISH, 1),
          new Block(5, 120, 48, Excite.YES, Function.HARD_SWISH, 1),
          new Block(5, 144, 48, Excite.YES, Function.HARD_SWISH, 1),
          new Block(5, 288, 96, Excite.YES, Function.HARD_SWISH, 2),
          new Block(5, 576, 96, Excite.YES, Function.HARD_SWISH, 1),
          new Block(5, 576, 96, Excite.YES, Function.HARD_SWISH, 1));

  private final List<Block> blocks;
  private final int last;

  /**
   * One network of the family.
   *
   * @param last channels of the layer before the logits
   */
  private MobileNetV3(List<Block> blocks, int last) {
    this.blocks = blocks;
    this.last = last;
  }

  /** Counts are those of torchvision's model pages. */
  static List<Architecture> family() {
    return List.of(
        new MobileNetV3(SMALL, 1024).named("mobilenet_v3_small", 2_542_856),
        new MobileNetV3(LARGE, 1280).named("mobilenet_v3_large", 5_483_032));
  }

  private Architecture named(String id, long parameters) {
    Preprocessing input = Preprocessing.imageNet(256, 224, Interpolation.BILINEAR);
    return new Architecture(id, "v3", WIDTH, input, parameters, this::graph);
  }

  private Graph graph(String name, int classes, int width) {
    Graph.Builder g = Graph.builder(name, 3).initialization(Layers.MOBILE);
    Layers layers = new Layers(g, BN_EPS, BN_MOMENTUM);
    Function swish = Function.HARD_SWISH;
    int x = layers.convNormActivation("features.0", Layers.conv(3, width, 3, 2), swish, 0);
    int c = width;
    for (int i = 0; i < blocks.size(); i++) {
      Inverted block = blocks.get(i).sized(c, width);
      x = layers.invertedResidual("features." + (i + 1), block, x);
      c = block.out();
    }
    int wide = 6 * c;
    String end = "features." + (blocks.size() + 1);
    x = layers.convNormActivation(end, Layers.conv(c, wide, 1, 1), swish, x);
    x = g.add("avgpool", new Op.GlobalAvgPool(), x);
    x = g.add("classifier.0", new Op.Linear(wide, scaled(last, width)), x);
    x = g.add("classifier.1", new Activation(swish), x);
    x = g.add("classifier.2", new Dropout(DROPOUT, Dropout.Unit.ELEMENT), x);
    g.add("classifier.3", new Op.Linear(scaled(last, width), classes), x);
    return g.build();
  }

  private static int scaled(int channels, int width) {
    return Layers.divisible((double) channels * width / WIDTH, Layers.divisor(width));
  }
}
