package org.jresnet.models;

import java.util.List;
import org.jresnet.base.Interpolation;
import org.jresnet.base.UserError;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Op;

/**
 * Residual networks (He et al. 2015, <a
 * href="https://arxiv.org/abs/1512.03385">arXiv:1512.03385</a>) in torchvision's version 1.5: the
 * stride of a bottleneck sits in its 3x3 convolution. Wide ResNets (Zagoruyko and Komodakis 2016,
 * <a href="https://arxiv.org/abs/1605.07146">arXiv:1605.07146</a>) have twice the channels there,
 * and ResNeXts (Xie et al. 2016, <a href="https://arxiv.org/abs/1611.05431">arXiv:1611.05431</a>)
 * convolve them in groups. Names are those of <a
 * href="https://pytorch.org/vision/stable/models/resnet.html">torchvision</a>.
 */
final class ResNet {
  private static final String VARIANT = "v1.5";

  /** Channels of the stem in the published networks. */
  private static final int WIDTH = 64;

  private static final double BN_EPS = 1e-5;
  private static final double BN_MOMENTUM = 0.1;

  /** A residual block. */
  private enum Block {
    /** Two 3x3 convolutions. */
    BASIC(1),
    /** 1x1, 3x3 and 1x1. */
    BOTTLENECK(4);

    /** Channels that leave the block, per channel of its first convolution in a plain ResNet. */
    private final int expansion;

    Block(int expansion) {
      this.expansion = expansion;
    }
  }

  private final Block block;
  private final int groups;
  private final int widthPerGroup;
  private final int[] blocks;

  /**
   * One network of the family.
   *
   * @param groups of a bottleneck's 3x3 convolution
   * @param widthPerGroup channels of each of them in the first stage
   * @param blocks number of blocks in each stage
   */
  private ResNet(Block block, int groups, int widthPerGroup, int... blocks) {
    this.block = block;
    this.groups = groups;
    this.widthPerGroup = widthPerGroup;
    this.blocks = blocks;
  }

  /** Counts are those of torchvision's model pages. */
  static List<Architecture> family() {
    return List.of(
        new ResNet(Block.BASIC, 1, 64, 2, 2, 2, 2).named("resnet18", 11_689_512),
        new ResNet(Block.BASIC, 1, 64, 3, 4, 6, 3).named("resnet34", 21_797_672),
        new ResNet(Block.BOTTLENECK, 1, 64, 3, 4, 6, 3).named("resnet50", 25_557_032),
        new ResNet(Block.BOTTLENECK, 1, 64, 3, 4, 23, 3).named("resnet101", 44_549_160),
        new ResNet(Block.BOTTLENECK, 1, 64, 3, 8, 36, 3).named("resnet152", 60_192_808),
        new ResNet(Block.BOTTLENECK, 1, 128, 3, 4, 6, 3).named("wide_resnet50_2", 68_883_240),
        new ResNet(Block.BOTTLENECK, 1, 128, 3, 4, 23, 3).named("wide_resnet101_2", 126_886_696),
        new ResNet(Block.BOTTLENECK, 32, 4, 3, 4, 6, 3).named("resnext50_32x4d", 25_028_904),
        new ResNet(Block.BOTTLENECK, 32, 8, 3, 4, 23, 3).named("resnext101_32x8d", 88_791_336),
        new ResNet(Block.BOTTLENECK, 64, 4, 3, 4, 23, 3)
            .named("resnext101_64x4d", 232, 83_455_272));
  }

  private Architecture named(String id, long parameters) {
    return named(id, 256, parameters);
  }

  private Architecture named(String id, int resize, long parameters) {
    Preprocessing input = Preprocessing.imageNet(resize, 224, Interpolation.BILINEAR);
    return new Architecture(id, VARIANT, WIDTH, input, parameters, this::graph);
  }

  private Graph graph(String name, int classes, int width) {
    int narrowest = WIDTH / Math.min(WIDTH, widthPerGroup);
    if (width < narrowest) {
      throw new UserError(
          "%s needs at least %d channels in the stem, so that every group has one; found %d"
              .formatted(name, narrowest, width));
    }
    Graph.Builder g = Graph.builder(name, 3);
    int x = convNormRelu(g, "", 1, new Conv2d(3, width, 7, 2, 3), 0);
    x = g.add("maxpool", new Op.MaxPool(3, 2, 1), x);
    int channels = width;
    for (int stage = 0; stage < blocks.length; stage++) {
      for (int i = 0; i < blocks[stage]; i++) {
        String at = "layer" + (stage + 1) + "." + i + ".";
        int planes = width << stage;
        int stride = stage > 0 && i == 0 ? 2 : 1;
        x =
            switch (block) {
              case BASIC -> basic(g, at, x, channels, planes, stride);
              case BOTTLENECK -> bottleneck(g, at, x, channels, planes, stride);
            };
        channels = planes * block.expansion;
      }
    }
    x = g.add("avgpool", new Op.GlobalAvgPool(), x);
    g.add("fc", new Op.Linear(channels, classes), x);
    return g.build();
  }

  /** Two 3x3 convolutions beside the identity (figure 5, left, of the paper). */
  private int basic(Graph.Builder g, String name, int x, int channels, int planes, int stride) {
    int f = convNormRelu(g, name, 1, new Conv2d(channels, planes, 3, stride, 1), x);
    f = convNorm(g, name, 2, new Conv2d(planes, planes, 3, 1, 1), f);
    return join(g, name, f, shortcut(g, name, x, channels, planes, stride));
  }

  /** 1x1 down, 3x3 with the stride, 1x1 up, beside the identity (figure 5, right, of the paper). */
  private int bottleneck(
      Graph.Builder g, String name, int x, int channels, int planes, int stride) {
    int inner = planes * widthPerGroup / WIDTH * groups;
    int out = planes * block.expansion;
    int f = convNormRelu(g, name, 1, new Conv2d(channels, inner, 1, 1, 0), x);
    f = convNormRelu(g, name, 2, new Conv2d(inner, inner, 3, stride, 1).grouped(groups), f);
    f = convNorm(g, name, 3, new Conv2d(inner, out, 1, 1, 0), f);
    return join(g, name, f, shortcut(g, name, x, channels, out, stride));
  }

  /** The identity, or a strided 1x1 projection where the shape changes (option B of the paper). */
  private static int shortcut(
      Graph.Builder g, String name, int x, int channels, int out, int stride) {
    if (stride == 1 && channels == out) {
      return x;
    }
    int conv = g.add(name + "downsample.0", new Conv2d(channels, out, 1, stride, 0), x);
    return g.add(name + "downsample.1", norm(out), conv);
  }

  private static int join(Graph.Builder g, String name, int f, int shortcut) {
    int sum = g.add(name + "add", new Op.Add(), f, shortcut);
    return g.add(name + "relu", Activation.relu(), sum);
  }

  private static int convNormRelu(Graph.Builder g, String name, int i, Conv2d conv, int x) {
    return g.add(name + "relu" + i, Activation.relu(), convNorm(g, name, i, conv, x));
  }

  private static int convNorm(Graph.Builder g, String name, int i, Conv2d conv, int x) {
    return g.add(name + "bn" + i, norm(conv.k()), g.add(name + "conv" + i, conv, x));
  }

  private static Op.BatchNorm norm(int channels) {
    return new Op.BatchNorm(channels, BN_EPS, BN_MOMENTUM);
  }
}
