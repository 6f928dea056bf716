package org.jresnet.models;

import java.util.Arrays;
import java.util.List;
import org.jresnet.base.Interpolation;
import org.jresnet.base.UserError;
import org.jresnet.graph.Activation;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.Concat;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Op;
import org.jresnet.graph.Scale;
import org.jresnet.models.BlockForm.Order;

/**
 * Residual networks (He et al. 2015, <a
 * href="https://arxiv.org/abs/1512.03385">arXiv:1512.03385</a>) in torchvision's version 1.5: the
 * stride of a bottleneck sits in its 3x3 convolution. Wide ResNets (Zagoruyko and Komodakis 2016,
 * <a href="https://arxiv.org/abs/1605.07146">arXiv:1605.07146</a>) have twice the channels there,
 * and ResNeXts (Xie et al. 2016, <a href="https://arxiv.org/abs/1611.05431">arXiv:1611.05431</a>)
 * convolve them in groups. Names are those of <a
 * href="https://pytorch.org/vision/stable/models/resnet.html">torchvision</a>.
 *
 * <p>Their blocks have other forms on demand, see {@link BlockForm}. A pre-activated network keeps
 * the stem's norm and activation in front of its first block, which therefore has none of its own,
 * projects what the block's first activation gives without a norm, and ends in one more norm and
 * activation (the appendix of He et al. 2016, arXiv:1603.05027).
 *
 * @param block what a block consists of
 * @param groups of a bottleneck's 3x3 convolution
 * @param widthPerGroup channels of each of them in the first stage
 * @param blocks number of blocks in each stage
 * @param form how they are built
 */
record ResNet(Block block, int groups, int widthPerGroup, List<Integer> blocks, BlockForm form)
    implements Architecture.Builder {
  private static final String VARIANT = "v1.5";

  /** Channels of the stem in the published networks. */
  private static final int WIDTH = 64;

  private static final double BN_EPS = 1e-5;
  private static final double BN_MOMENTUM = 0.1;

  /** A residual block. */
  enum Block {
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

  /** A block of a graph that is being built. */
  private record Place(Graph.Builder g, String name, boolean first, double drop) {}

  private ResNet(Block block, int groups, int widthPerGroup, Integer... blocks) {
    this(block, groups, widthPerGroup, List.of(blocks), BlockForm.PUBLISHED);
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
    return new Architecture(id, VARIANT, WIDTH, input, parameters, this);
  }

  @Override
  public ResNet varied(String id, String options) {
    return new ResNet(block, groups, widthPerGroup, blocks, BlockForm.parse(id, options));
  }

  @Override
  public String options() {
    return form.text();
  }

  @Override
  public Graph build(String name, int classes, int width) {
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
    int built = 0;
    int all = blocks.stream().mapToInt(Integer::intValue).sum();
    for (int stage = 0; stage < blocks.size(); stage++) {
      for (int i = 0; i < blocks.get(stage); i++) {
        String at = "layer" + (stage + 1) + "." + i + ".";
        built++;
        Place place = new Place(g, at, built == 1, form.drop() * built / all);
        int stride = stage > 0 && i == 0 ? 2 : 1;
        x = block(place, x, channels, width << stage, stride);
        channels = (width << stage) * block.expansion;
      }
    }
    if (form.order() == Order.PRE) {
      x = normRelu(g, "", 2, channels, x);
    }
    x = g.add("avgpool", new Op.GlobalAvgPool(), x);
    g.add("fc", new Op.Linear(channels, classes), x);
    return g.build();
  }

  private int block(Place at, int x, int channels, int planes, int stride) {
    List<Conv2d> convs = convolutions(channels, planes, stride);
    int out = planes * block.expansion;
    return form.order() == Order.POST
        ? postActivated(at, convs, x, new Change(channels, out, stride))
        : preActivated(at, convs, x, new Change(channels, out, stride));
  }

  /** Two 3x3 (figure 5, left, of the paper), or 1x1 down, 3x3 with the stride, 1x1 up (right). */
  private List<Conv2d> convolutions(int channels, int planes, int stride) {
    if (block == Block.BASIC) {
      return List.of(
          new Conv2d(channels, planes, 3, stride, 1), new Conv2d(planes, planes, 3, 1, 1));
    }
    int inner = planes * widthPerGroup / WIDTH * groups;
    return List.of(
        new Conv2d(channels, inner, 1, 1, 0),
        new Conv2d(inner, inner, 3, stride, 1).grouped(groups),
        new Conv2d(inner, planes * block.expansion, 1, 1, 0));
  }

  private int postActivated(Place at, List<Conv2d> convs, int x, Change change) {
    int last = convs.size();
    int f = x;
    for (int i = 1; i < last; i++) {
      f = convNormRelu(at.g, at.name, i, convs.get(i - 1), f);
    }
    f = convNorm(at.g, at.name, last, convs.get(last - 1), f);
    return at.g.add(at.name + "relu", Activation.relu(), join(at, f, x, x, change));
  }

  private int preActivated(Place at, List<Conv2d> convs, int x, Change change) {
    int activated = at.first ? x : normRelu(at.g, at.name, 1, change.channels, x);
    int f = at.g.add(at.name + "conv1", convs.get(0), activated);
    for (int i = 2; i <= convs.size(); i++) {
      f = normRelu(at.g, at.name, i, convs.get(i - 1).c(), f);
      f = at.g.add(at.name + "conv" + i, convs.get(i - 1), f);
    }
    return join(at, f, x, activated, change);
  }

  /** What a block makes of its input's shape. */
  private record Change(int channels, int out, int stride) {
    boolean none() {
      return stride == 1 && channels == out;
    }
  }

  /** The branch and what it is added to: x, or a projection of what {@code projected} gives. */
  private int join(Place at, int f, int x, int projected, Change change) {
    int shortcut =
        switch (form.shortcut()) {
          case NONE -> f;
          case A -> change.none() ? x : padded(at, x, change);
          case B -> change.none() ? x : projection(at, projected, change);
          case C -> projection(at, projected, change);
        };
    if (shortcut == f) {
      return f;
    }
    int branch =
        at.drop == 0
            ? f
            : at.g.add(at.name + "stochastic_depth", new Dropout(at.drop, Dropout.Unit.IMAGE), f);
    return at.g.add(at.name + "add", new Op.Add(), branch, shortcut);
  }

  private int projection(Place at, int x, Change change) {
    Conv2d conv = new Conv2d(change.channels, change.out, 1, change.stride, 0);
    int y = at.g.add(at.name + "downsample.0", conv, x);
    return form.order() == Order.PRE ? y : at.g.add(at.name + "downsample.1", norm(change.out), y);
  }

  /** Every so many pixels of x, and zeros for the channels that it does not have. */
  private static int padded(Place at, int x, Change change) {
    String name = at.name + "shortcut.";
    int y = x;
    if (change.stride > 1) {
      y = at.g.add(name + "subsample", new AvgPool(1, change.stride, 0), x);
    }
    int copies = change.out / change.channels;
    if (copies == 1) {
      return y;
    }
    Integer[] parts = new Integer[copies];
    Arrays.fill(parts, at.g.add(name + "zeros", new Scale(0), y));
    parts[0] = y;
    return at.g.add(name + "pad", new Concat(copies), parts);
  }

  private static int convNormRelu(Graph.Builder g, String name, int i, Conv2d conv, int x) {
    return normRelu(g, name, i, conv.k(), g.add(name + "conv" + i, conv, x));
  }

  private static int normRelu(Graph.Builder g, String name, int i, int channels, int x) {
    return g.add(name + "relu" + i, Activation.relu(), g.add(name + "bn" + i, norm(channels), x));
  }

  private static int convNorm(Graph.Builder g, String name, int i, Conv2d conv, int x) {
    return g.add(name + "bn" + i, norm(conv.k()), g.add(name + "conv" + i, conv, x));
  }

  private static Op.BatchNorm norm(int channels) {
    return new Op.BatchNorm(channels, BN_EPS, BN_MOMENTUM);
  }
}
