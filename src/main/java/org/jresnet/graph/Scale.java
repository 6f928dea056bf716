package org.jresnet.graph;

import java.util.List;

/** Product of each element and one number that stays what it is. */
public record Scale(double factor) implements Op {
  /** Checks the factor. */
  public Scale {
    if (!Double.isFinite(factor)) {
      throw new IllegalArgumentException("a scale is a finite number, found " + factor);
    }
  }

  @Override
  public String kind() {
    return "scale";
  }

  @Override
  public boolean keepsType() {
    return true;
  }

  @Override
  public Shape output(List<Shape> inputs) {
    return inputs.get(0);
  }
}
