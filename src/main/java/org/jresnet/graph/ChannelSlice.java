package org.jresnet.graph;

import java.util.List;

/**
 * Some neighbouring channels ({@code x[:, from:from + count]} in torch).
 *
 * @param from the first channel, from 0
 * @param count number of channels
 */
public record ChannelSlice(int from, int count) implements Op {
  /** Checks the range. */
  public ChannelSlice {
    if (from < 0 || count < 1) {
      throw new IllegalArgumentException(
          "a slice starts at channel 0 or later and has at least one, found %d from channel %d on"
              .formatted(count, from));
    }
  }

  @Override
  public String kind() {
    return "slice";
  }

  @Override
  public Shape output(List<Shape> inputs) {
    Shape x = inputs.get(0);
    if (count > x.c() - from) {
      throw new IllegalArgumentException(
          "%d channels from channel %d on are not in an input of %s".formatted(count, from, x));
    }
    return new Shape(x.n(), x.h(), x.w(), count);
  }
}
