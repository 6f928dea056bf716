package org.jresnet.models;

import java.util.List;
import org.jresnet.base.Interpolation;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Initialization;
import org.jresnet.graph.Initialization.Rule;
import org.jresnet.graph.Op;
import org.jresnet.models.Layers.SqueezeExcite;

/**
 * RegNet (Radosavovic et al. 2020, <a
 * href="https://arxiv.org/abs/2003.13678">arXiv:2003.13678</a>): bottlenecks in groups of a fixed
 * width, in stages whose widths grow by a rule; the Y networks weigh channels by
 * squeeze-and-excitation. Names are those of <a
 * href="https://pytorch.org/vision/stable/models/regnet.html">torchvision</a>.
 */
final class RegNet {
  /** Channels of the stem in the published networks. */
  private static final int WIDTH = 32;

  private static final double BN_EPS = 1e-5;
  private static final double BN_MOMENTUM = 0.1;

  /** Channels between the two layers of squeeze-and-excitation, per channel that enters a block. */
  private static final double SQUEEZE = 0.25;

  private static final Initialization START =
      new Initialization(Rule.FAN_OUT_NORMAL, Rule.FAN_IN_UNIFORM, Rule.NORMAL_0_01, Rule.ZERO);

  private final int groupWidth;
  private final int[] channels;
  private final int[] blocks;

  /**
   * One network of the family.
   *
   * @param groupWidth channels in a group
   * @param channels of each stage
   * @param blocks number of blocks in each stage
   */
  private RegNet(int groupWidth, int[] channels, int... blocks) {
    this.groupWidth = groupWidth;
    this.channels = channels;
    this.blocks = blocks;
  }

  /** The count is that of torchvision's model page. */
  static List<Architecture> family() {
    RegNet y400 = new RegNet(8, new int[] {48, 104, 208, 440}, 1, 3, 6, 6);
    Preprocessing input = Preprocessing.imageNet(256, 224, Interpolation.BILINEAR);
    return List.of(new Architecture("regnet_y_400mf", "v1", WIDTH, input, 4_344_144, y400::graph));
  }

  private Graph graph(String name, int classes, int width) {
    Graph.Builder g = Graph.builder(name, 3).initialization(START);
    Layers layers = new Layers(g, BN_EPS, BN_MOMENTUM);
    int x = layers.convNormActivation("stem", Layers.conv(3, width, 3, 2), Function.RELU, 0);
    int c = width;
    int group = Math.max(1, groupWidth * width / WIDTH);
    for (int stage = 0; stage < channels.length; stage++) {
      double share = (double) channels[stage] * width / WIDTH / group;
      int out = group * (int) Math.max(1, Math.rint(share));
      for (int i = 0; i < blocks[stage]; i++) {
        String at = "trunk_output.block%1$d.block%1$d-%2$d".formatted(stage + 1, i);
        x = block(g, layers, at, new int[] {c, out, out / group}, i == 0 ? 2 : 1, x);
        c = out;
      }
    }
    x = g.add("avgpool", new Op.GlobalAvgPool(), x);
    g.add("fc", new Op.Linear(c, classes), x);
    return g.build();
  }

  /**
   * A bottleneck beside the identity or a projection.
   *
   * @param c channels that enter, channels that leave, and groups
   */
  private static int block(
      Graph.Builder g, Layers layers, String name, int[] c, int stride, int x) {
    int out = c[1];
    boolean projects = stride != 1 || c[0] != out;
    int shortcut =
        projects ? layers.convNorm(name + ".proj", Layers.conv(c[0], out, 1, stride), x) : x;
    String at = name + ".f.";
    int f = layers.convNormActivation(at + "a", Layers.conv(c[0], out, 1, 1), Function.RELU, x);
    var grouped = Layers.conv(out, out, 3, stride).grouped(c[2]);
    f = layers.convNormActivation(at + "b", grouped, Function.RELU, f);
    int squeezed = (int) Math.max(1, Math.rint(SQUEEZE * c[0]));
    var weighing = new SqueezeExcite(squeezed, Function.RELU, Function.SIGMOID);
    f = layers.squeezeExcite(at + "se", out, weighing, f);
    f = layers.convNorm(at + "c", Layers.conv(out, out, 1, 1), f);
    return g.add(name + ".activation", Activation.relu(), layers.join(name, 0, f, shortcut));
  }
}
