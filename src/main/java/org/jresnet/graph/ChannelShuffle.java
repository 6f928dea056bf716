package org.jresnet.graph;

import java.util.List;

/**
 * Deals the channels of each group out to all groups, so that the next grouped convolution sees
 * every group (Zhang et al. 2018, <a href="https://arxiv.org/abs/1707.01083">arXiv:1707.01083</a>):
 * channel {@code i·(c/groups) + j} becomes channel {@code j·groups + i} ({@code
 * torch.nn.ChannelShuffle}).
 *
 * @param groups divides the channels
 */
public record ChannelShuffle(int groups) implements Op {
  /** Checks the number of groups. */
  public ChannelShuffle {
    if (groups < 1) {
      throw new IllegalArgumentException("a shuffle needs at least 1 group, found " + groups);
    }
  }

  @Override
  public String kind() {
    return "shuffle";
  }

  @Override
  public Shape output(List<Shape> inputs) {
    Shape x = inputs.get(0);
    if (x.c() % groups != 0) {
      throw new IllegalArgumentException(
          "the groups of a shuffle must divide the channels, found %d groups of %s"
              .formatted(groups, x));
    }
    return x;
  }
}
