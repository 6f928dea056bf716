package org.jresnet.graph;

import java.util.List;

/**
 * Repeats every pixel {@code scale} times along h and w ({@code torch.nn.Upsample(mode="nearest")}
 * with an integer factor).
 *
 * @param scale at least 1
 */
public record Upsample(int scale) implements Op {
  /** Checks the factor. */
  public Upsample {
    if (scale < 1) {
      throw new IllegalArgumentException("the factor of up-sampling is at least 1, found " + scale);
    }
  }

  @Override
  public String kind() {
    return "upsample";
  }

  @Override
  public Shape output(List<Shape> inputs) {
    Shape x = inputs.get(0);
    return new Shape(
        x.n(), Math.multiplyExact(x.h(), scale), Math.multiplyExact(x.w(), scale), x.c());
  }
}
