package org.jresnet.models;

import java.util.Optional;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Initialization;
import org.jresnet.graph.Initialization.Rule;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Op;

/**
 * What the families build their blocks of, in the names of <a
 * href="https://pytorch.org/vision/stable/ops.html">torchvision.ops</a>' modules. A layer's
 * channels are those of its convolution.
 */
final class Layers {
  /** How the weights of both MobileNets start. */
  static final Initialization MOBILE =
      new Initialization(Rule.FAN_OUT_NORMAL, Rule.ZERO, Rule.NORMAL_0_01, Rule.ZERO);

  /**
   * Squeeze-and-excitation (Hu et al. 2018, <a
   * href="https://arxiv.org/abs/1709.01507">arXiv:1709.01507</a>).
   *
   * @param squeezed channels between its two layers
   * @param inner activation between them
   * @param gate what makes factors of numbers
   */
  record SqueezeExcite(int squeezed, Function inner, Function gate) {}

  /**
   * An inverted residual (Sandler et al. 2018, <a
   * href="https://arxiv.org/abs/1801.04381">arXiv:1801.04381</a>): 1x1 up where that adds channels,
   * depthwise, 1x1 down; the identity is added where the shape stays.
   *
   * @param c channels that enter
   * @param expanded channels of the depthwise convolution
   * @param out channels that leave
   * @param kernel of the depthwise convolution
   * @param stride of the depthwise convolution
   * @param weighing of the depthwise convolution's channels
   * @param drop share of images that go without the branch while training
   */
  record Inverted(
      int c,
      int expanded,
      int out,
      int kernel,
      int stride,
      Function activation,
      Optional<SqueezeExcite> weighing,
      double drop) {
    boolean adds() {
      return stride == 1 && c == out;
    }
  }

  private final Graph.Builder g;
  private final double eps;
  private final double momentum;

  /** Layers whose batch norms have these constants. */
  Layers(Graph.Builder g, double eps, double momentum) {
    this.g = g;
    this.eps = eps;
    this.momentum = momentum;
  }

  /** A square filter over all channels that keeps the size, or divides it by the stride. */
  static Conv2d conv(int c, int k, int kernel, int stride) {
    return new Conv2d(c, k, kernel, stride, kernel / 2);
  }

  /** A filter of its own for each channel. */
  static Conv2d depthwise(int c, int kernel, int stride) {
    return conv(c, c, kernel, stride).grouped(c);
  }

  /** Convolution and batch norm in two modules of the given names. */
  int convNorm(String conv, String norm, Conv2d op, int x) {
    return g.add(norm, new Op.BatchNorm(op.k(), eps, momentum), g.add(conv, op, x));
  }

  /** {@code Conv2dNormActivation} without activation: {@code name.0} and {@code name.1}. */
  int convNorm(String name, Conv2d op, int x) {
    return convNorm(name + ".0", name + ".1", op, x);
  }

  /** {@code Conv2dNormActivation}: {@code name.0}, {@code name.1} and {@code name.2}. */
  int convNormActivation(String name, Conv2d op, Function f, int x) {
    return g.add(name + ".2", new Activation(f), convNorm(name, op, x));
  }

  /**
   * {@code SqueezeExcitation} of an activation with {@code c} channels: each times a factor that
   * two layers make of the means of all. The product is called {@code name.mul}.
   */
  int squeezeExcite(String name, int c, SqueezeExcite op, int x) {
    int s = g.add(name + ".avgpool", new Op.GlobalAvgPool(), x);
    s = g.add(name + ".fc1", conv(c, op.squeezed, 1, 1).biased(), s);
    s = g.add(name + ".activation", new Activation(op.inner), s);
    s = g.add(name + ".fc2", conv(op.squeezed, c, 1, 1).biased(), s);
    s = g.add(name + ".scale_activation", new Activation(op.gate), s);
    return g.add(name + ".mul", new Multiply(), x, s);
  }

  /** {@code name.block} with its layers by number, and {@code name.add} where x is added. */
  int invertedResidual(String name, Inverted op, int x) {
    int layer = 0;
    int f = x;
    if (op.expanded != op.c) {
      Conv2d expand = conv(op.c, op.expanded, 1, 1);
      f = convNormActivation(name + ".block." + layer++, expand, op.activation, f);
    }
    Conv2d depthwise = depthwise(op.expanded, op.kernel, op.stride);
    f = convNormActivation(name + ".block." + layer++, depthwise, op.activation, f);
    if (op.weighing.isPresent()) {
      f = squeezeExcite(name + ".block." + layer++, op.expanded, op.weighing.get(), f);
    }
    f = convNorm(name + ".block." + layer, conv(op.expanded, op.out, 1, 1), f);
    return op.adds() ? join(name, op.drop, f, x) : f;
  }

  /** The sum of branch and identity; some images go without the branch while training. */
  int join(String name, double drop, int f, int x) {
    int kept =
        drop == 0 ? f : g.add(name + ".stochastic_depth", new Dropout(drop, Dropout.Unit.IMAGE), f);
    return g.add(name + ".add", new Op.Add(), kept, x);
  }

  /**
   * torchvision's {@code _make_divisible}: the nearest multiple, but not less than nine tenths of
   * the wish.
   */
  static int divisible(double channels, int divisor) {
    int nearest = Math.max(divisor, (int) (channels + divisor / 2.0) / divisor * divisor);
    return nearest < 0.9 * channels ? nearest + divisor : nearest;
  }

  /**
   * What channels are multiples of in a network with that stem: 8 as in torchvision, or the largest
   * power of two that divides a narrower stem, which otherwise would be rounded itself.
   */
  static int divisor(int stem) {
    return Math.min(8, Integer.lowestOneBit(stem));
  }
}
