package org.jresnet.graph;

import java.util.List;

/**
 * Sets units to zero at random while training and divides the others by the share that stays, so
 * that the expected value does not change; in evaluation nothing happens.
 *
 * <p>Whether a unit stays is a function of {@link Slot#KEY} and the unit's number alone: every
 * backend draws the same, and so does a resumed run.
 *
 * @param p the share that is dropped, in [0, 1]
 * @param unit what stays or goes as a whole
 */
public record Dropout(double p, Unit unit) implements Op {
  /** What stays or goes as a whole. */
  public enum Unit {
    /** An element: dropout (Srivastava et al. 2014; {@code torch.nn.Dropout}). */
    ELEMENT,
    /**
     * An image: stochastic depth (Huang et al. 2016, arXiv:1603.09382; {@code
     * torchvision.ops.StochasticDepth(mode="row")}).
     */
    IMAGE
  }

  /** Checks the share. */
  public Dropout {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException("the share that is dropped is in [0, 1], found " + p);
    }
  }

  @Override
  public String kind() {
    return unit == Unit.ELEMENT ? "dropout" : "stochastic_depth";
  }

  @Override
  public boolean draws() {
    return true;
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
