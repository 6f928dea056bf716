package org.jresnet.models;

import static org.jresnet.base.Interpolation.BICUBIC;
import static org.jresnet.base.Interpolation.BILINEAR;

import java.util.List;
import java.util.Optional;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Initialization;
import org.jresnet.graph.Initialization.Rule;
import org.jresnet.graph.Op;
import org.jresnet.models.Layers.Inverted;
import org.jresnet.models.Layers.SqueezeExcite;

/**
 * EfficientNet (Tan and Le 2019, <a href="https://arxiv.org/abs/1905.11946">arXiv:1905.11946</a>):
 * inverted residuals with squeeze-and-excitation and SiLU, in stages whose widths and depths grow
 * together from B0 to B4. EfficientNetV2 (Tan and Le 2021, <a
 * href="https://arxiv.org/abs/2104.00298">arXiv:2104.00298</a>) has one full convolution instead of
 * 1x1 and depthwise in its first stages. While training, some images go without the branch of a
 * block, the more the deeper it is. Names are those of <a
 * href="https://pytorch.org/vision/stable/models/efficientnet.html">torchvision</a>.
 */
final class EfficientNet {
  private static final double BN_MOMENTUM = 0.1;
  private static final double DROPPED_BRANCHES = 0.2;
  private static final Function ACTIVATION = Function.SILU;

  private static final Initialization START =
      new Initialization(Rule.FAN_OUT_NORMAL, Rule.ZERO, Rule.FAN_OUT_UNIFORM, Rule.ZERO);

  /** How a block computes the channels within it. */
  private enum Kind {
    /** 1x1, then depthwise. */
    SEPARATE,
    /** One convolution. */
    FUSED
  }

  /** A row of table 1 of the first paper, of table 4 of the second. */
  private record Stage(Kind kind, int expansion, int kernel, int stride, int out, int blocks) {}

  private static final List<Stage> V1 =
      List.of(
          new Stage(Kind.SEPARATE, 1, 3, 1, 16, 1),
          new Stage(Kind.SEPARATE, 6, 3, 2, 24, 2),
          new Stage(Kind.SEPARATE, 6, 5, 2, 40, 2),
          new Stage(Kind.SEPARATE, 6, 3, 2, 80, 3),
          new Stage(Kind.SEPARATE, 6, 5, 1, 112, 3),
          new Stage(Kind.SEPARATE, 6, 5, 2, 192, 4),
          new Stage(Kind.SEPARATE, 6, 3, 1, 320, 1));

  private static final List<Stage> V2_S =
      List.of(
          new Stage(Kind.FUSED, 1, 3, 1, 24, 2),
          new Stage(Kind.FUSED, 4, 3, 2, 48, 4),
          new Stage(Kind.FUSED, 4, 3, 2, 64, 4),
          new Stage(Kind.SEPARATE, 4, 3, 2, 128, 6),
          new Stage(Kind.SEPARATE, 6, 3, 1, 160, 9),
          new Stage(Kind.SEPARATE, 6, 3, 2, 256, 15));

  private final List<Stage> stages;
  private final double eps;
  private final double wider;
  private final double deeper;
  private final int last;
  private final double dropout;

  /**
   * One network of the family.
   *
   * @param eps of the batch norms
   * @param wider factor of all channels
   * @param deeper factor of the numbers of blocks
   * @param last channels of the last convolution; 0 for four times those of the last stage
   * @param dropout before the classifier
   */
  private EfficientNet(
      List<Stage> stages, double eps, double wider, double deeper, int last, double dropout) {
    this.stages = stages;
    this.eps = eps;
    this.wider = wider;
    this.deeper = deeper;
    this.last = last;
    this.dropout = dropout;
  }

  private static EfficientNet v1(double wider, double deeper, double dropout) {
    return new EfficientNet(V1, 1e-5, wider, deeper, 0, dropout);
  }

  /** Counts are those of torchvision's model pages. */
  static List<Architecture> family() {
    return List.of(
        v1(1, 1, 0.2).named("efficientnet_b0", 5_288_548, imageNet(256, 224)),
        v1(1, 1.1, 0.2).named("efficientnet_b1", 7_794_184, imageNet(256, 240)),
        v1(1.1, 1.2, 0.3).named("efficientnet_b2", 9_109_994, imageNet(288, 288)),
        v1(1.2, 1.4, 0.3).named("efficientnet_b3", 12_233_232, imageNet(320, 300)),
        v1(1.4, 1.8, 0.4).named("efficientnet_b4", 19_341_616, imageNet(384, 380)),
        new EfficientNet(V2_S, 1e-3, 1, 1, 1280, 0.2)
            .named("efficientnet_v2_s", 21_458_488, Preprocessing.imageNet(384, 384, BILINEAR)));
  }

  private static Preprocessing imageNet(int resize, int crop) {
    return Preprocessing.imageNet(resize, crop, BICUBIC);
  }

  private Architecture named(String id, long parameters, Preprocessing input) {
    String variant = stages == V1 ? "v1" : "v2";
    return new Architecture(id, variant, stem(), input, parameters, this::graph);
  }

  /** Channels of the stem in the published network. */
  private int stem() {
    return stages == V1 ? Layers.divisible(32 * wider, 8) : 24;
  }

  private Graph graph(String name, int classes, int width) {
    Graph.Builder g = Graph.builder(name, 3).initialization(START);
    Layers layers = new Layers(g, eps, BN_MOMENTUM);
    int total = stages.stream().mapToInt(this::blocks).sum();
    int x = layers.convNormActivation("features.0", Layers.conv(3, width, 3, 2), ACTIVATION, 0);
    int c = width;
    int done = 0;
    for (int s = 0; s < stages.size(); s++) {
      Stage stage = stages.get(s);
      for (int i = 0; i < blocks(stage); i++) {
        double drop = DROPPED_BRANCHES * done++ / total;
        Inverted block = block(stage, c, i == 0 ? stage.stride : 1, width, drop);
        String at = "features." + (s + 1) + "." + i;
        x =
            stage.kind == Kind.FUSED
                ? fused(layers, at, block, x)
                : layers.invertedResidual(at, block, x);
        c = block.out();
      }
    }
    int wide = last == 0 ? 4 * c : scaled(last, width);
    String end = "features." + (stages.size() + 1);
    x = layers.convNormActivation(end, Layers.conv(c, wide, 1, 1), ACTIVATION, x);
    x = g.add("avgpool", new Op.GlobalAvgPool(), x);
    x = g.add("classifier.0", new Dropout(dropout, Dropout.Unit.ELEMENT), x);
    g.add("classifier.1", new Op.Linear(wide, classes), x);
    return g.build();
  }

  private int blocks(Stage stage) {
    return (int) Math.ceil(stage.blocks * deeper);
  }

  private int scaled(int channels, int width) {
    return Layers.divisible(channels * (wider * width / stem()), Layers.divisor(width));
  }

  private Inverted block(Stage stage, int c, int stride, int width, double drop) {
    int inside = Layers.divisible(c * stage.expansion, Layers.divisor(width));
    SqueezeExcite weighing = new SqueezeExcite(Math.max(1, c / 4), ACTIVATION, Function.SIGMOID);
    int out = scaled(stage.out, width);
    return new Inverted(
        c, inside, out, stage.kernel, stride, ACTIVATION, Optional.of(weighing), drop);
  }

  /** {@code FusedMBConv}: the first convolution sees all channels, and nothing weighs them. */
  private static int fused(Layers layers, String name, Inverted block, int x) {
    boolean expands = block.expanded() != block.c();
    int inside = expands ? block.expanded() : block.out();
    var first = Layers.conv(block.c(), inside, block.kernel(), block.stride());
    int f = layers.convNormActivation(name + ".block.0", first, ACTIVATION, x);
    if (expands) {
      f = layers.convNorm(name + ".block.1", Layers.conv(inside, block.out(), 1, 1), f);
    }
    return block.adds() ? layers.join(name, block.drop(), f, x) : f;
  }
}
