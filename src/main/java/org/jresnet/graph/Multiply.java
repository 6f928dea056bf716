package org.jresnet.graph;

import java.util.List;
import java.util.Set;

/**
 * Product of an activation and a factor per image and channel, as squeeze-and-excitation scales
 * channels (Hu et al. 2018, <a href="https://arxiv.org/abs/1709.01507">arXiv:1709.01507</a>), or a
 * factor per element. The second input has the first one's shape, or {@code h = w = 1}.
 */
public record Multiply() implements Op {
  @Override
  public String kind() {
    return "multiply";
  }

  @Override
  public Int8 int8() {
    return Int8.RANGED;
  }

  @Override
  public int arity() {
    return 2;
  }

  @Override
  public Set<Slot> reads(Slot gradient) {
    return Set.of(gradient == Slot.DX ? Slot.RESIDUAL : Slot.X);
  }

  @Override
  public Shape output(List<Shape> inputs) {
    Shape x = inputs.get(0);
    Shape factor = inputs.get(1);
    if (!factor.equals(x) && !factor.equals(new Shape(x.n(), 1, 1, x.c()))) {
      throw new IllegalArgumentException(
          "multiply needs a second input of %s, or of 1x1 with as many images and channels, found %s"
              .formatted(x, factor));
    }
    return x;
  }
}
