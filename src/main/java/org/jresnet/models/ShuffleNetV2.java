package org.jresnet.models;

import java.util.List;
import org.jresnet.base.Interpolation;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Concat;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Initialization;
import org.jresnet.graph.Initialization.Rule;
import org.jresnet.graph.Op;

/**
 * ShuffleNetV2 (Ma et al. 2018, <a href="https://arxiv.org/abs/1807.11164">arXiv:1807.11164</a>):
 * half of the channels goes past a block as it is, the other half through it, and the two are
 * shuffled. Names are those of <a
 * href="https://pytorch.org/vision/stable/models/shufflenetv2.html">torchvision</a>.
 */
final class ShuffleNetV2 {
  /** Channels of the stem in the published networks. */
  private static final int WIDTH = 24;

  private static final int[] BLOCKS = {4, 8, 4};
  private static final double BN_EPS = 1e-5;
  private static final double BN_MOMENTUM = 0.1;

  private static final Initialization START =
      new Initialization(
          Rule.FAN_IN_UNIFORM, Rule.FAN_IN_UNIFORM, Rule.FAN_IN_UNIFORM, Rule.FAN_IN_UNIFORM);

  private final int[] channels;

  /**
   * One network of the family.
   *
   * @param channels of the three stages and of the last convolution
   */
  private ShuffleNetV2(int... channels) {
    this.channels = channels;
  }

  /** Counts are those of torchvision's model pages. */
  static List<Architecture> family() {
    return List.of(
        new ShuffleNetV2(48, 96, 192, 1024).named("shufflenet_v2_x0_5", 256, 1_366_792),
        new ShuffleNetV2(116, 232, 464, 1024).named("shufflenet_v2_x1_0", 256, 2_278_604),
        new ShuffleNetV2(176, 352, 704, 1024).named("shufflenet_v2_x1_5", 232, 3_503_624),
        new ShuffleNetV2(244, 488, 976, 2048).named("shufflenet_v2_x2_0", 232, 7_393_996));
  }

  private Architecture named(String id, int resize, long parameters) {
    Preprocessing input = Preprocessing.imageNet(resize, 224, Interpolation.BILINEAR);
    return new Architecture(id, "v2", WIDTH, input, parameters, this::graph);
  }

  private Graph graph(String name, int classes, int width) {
    Graph.Builder g = Graph.builder(name, 3).initialization(START);
    Layers layers = new Layers(g, BN_EPS, BN_MOMENTUM);
    int x = layers.convNormActivation("conv1", Layers.conv(3, width, 3, 2), Function.RELU, 0);
    x = g.add("maxpool", new Op.MaxPool(3, 2, 1), x);
    int c = width;
    for (int stage = 0; stage < BLOCKS.length; stage++) {
      int out = even(channels[stage], width);
      String at = "stage" + (stage + 2) + ".";
      x = down(g, layers, at + 0, c, out, x);
      for (int i = 1; i < BLOCKS[stage]; i++) {
        x = past(g, layers, at + i, out, x);
      }
      c = out;
    }
    int last = even(channels[3], width);
    x = layers.convNormActivation("conv5", Layers.conv(c, last, 1, 1), Function.RELU, x);
    x = g.add("avgpool", new Op.GlobalAvgPool(), x);
    g.add("fc", new Op.Linear(last, classes), x);
    return g.build();
  }

  /** In proportion to the stem, in two halves. */
  private static int even(int channels, int width) {
    return 2 * (int) Math.max(1, Math.rint(channels / 2.0 * width / WIDTH));
  }

  /** Two branches with stride 2 that see all channels (figure 3d of the paper). */
  private static int down(Graph.Builder g, Layers layers, String name, int c, int out, int x) {
    String at = name + ".branch1.";
    int first = layers.convNorm(at + 0, at + 1, Layers.depthwise(c, 3, 2), x);
    first = layers.convNorm(at + 2, at + 3, Layers.conv(c, out / 2, 1, 1), first);
    first = g.add(at + 4, Activation.relu(), first);
    return shuffled(g, name, first, branch(g, layers, name, c, out / 2, 2, x));
  }

  /** One half goes past the branch (figure 3c of the paper). */
  private static int past(Graph.Builder g, Layers layers, String name, int c, int x) {
    int half = c / 2;
    int first = g.add(name + ".past", new ChannelSlice(0, half), x);
    int second = g.add(name + ".through", new ChannelSlice(half, half), x);
    return shuffled(g, name, first, branch(g, layers, name, half, half, 1, second));
  }

  private static int branch(
      Graph.Builder g, Layers layers, String name, int c, int out, int stride, int x) {
    String at = name + ".branch2.";
    int f = layers.convNorm(at + 0, at + 1, Layers.conv(c, out, 1, 1), x);
    f = g.add(at + 2, Activation.relu(), f);
    f = layers.convNorm(at + 3, at + 4, Layers.depthwise(out, 3, stride), f);
    f = layers.convNorm(at + 5, at + 6, Layers.conv(out, out, 1, 1), f);
    return g.add(at + 7, Activation.relu(), f);
  }

  private static int shuffled(Graph.Builder g, String name, int first, int second) {
    int both = g.add(name + ".concat", new Concat(2), first, second);
    return g.add(name + ".shuffle", new ChannelShuffle(2), both);
  }
}
