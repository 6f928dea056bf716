package org.jresnet.graph;

import java.util.List;

/**
 * The channels of all inputs, one input after the other ({@code torch.cat(dim=1)}).
 *
 * @param arity number of inputs, at least 2
 */
public record Concat(int arity) implements Op {
  /** Checks the number of inputs. */
  public Concat {
    if (arity < 2) {
      throw new IllegalArgumentException("concat needs at least 2 inputs, found " + arity);
    }
  }

  @Override
  public String kind() {
    return "concat";
  }

  @Override
  public Shape output(List<Shape> inputs) {
    Shape first = inputs.get(0);
    int channels = 0;
    for (Shape x : inputs) {
      if (x.n() != first.n() || x.h() != first.h() || x.w() != first.w()) {
        throw new IllegalArgumentException(
            "concat needs inputs that differ in their channels alone, found " + inputs);
      }
      channels = Math.addExact(channels, x.c());
    }
    return new Shape(first.n(), first.h(), first.w(), channels);
  }
}
