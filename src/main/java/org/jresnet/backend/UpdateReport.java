package org.jresnet.backend;

/** What became of an update. The object is used again and again. */
public final class UpdateReport {
  /** What was done with the gradients. */
  public enum Outcome {
    /** The parameters were updated. */
    UPDATED,
    /** The scaled gradients overflowed: nothing was updated, the loss scale is halved. */
    SKIPPED,
    /** A gradient is not finite: from here on nothing is updated any more. */
    DIVERGED
  }

  private Outcome outcome = Outcome.UPDATED;
  private double norm;
  private long steps;
  private double scale = 1;
  private int good;
  private long element = -1;

  /** Sets what was done, the norm, and updates that were made so far. */
  public void set(Outcome done, double gradientNorm, long made) {
    outcome = done;
    norm = gradientNorm;
    steps = made;
  }

  /** Sets the loss scale behind the update. */
  public void setScale(double factor, int steps) {
    scale = factor;
    good = steps;
  }

  /** Sets where a gradient is not finite. */
  public void setElement(long index) {
    element = index;
  }

  /** What was done. */
  public Outcome outcome() {
    return outcome;
  }

  /** Norm of the mean gradient, before clipping. */
  public double norm() {
    return norm;
  }

  /** Updates that were made so far, this one included. */
  public long steps() {
    return steps;
  }

  /** The loss scale of what follows. */
  public LossScale.State lossScale() {
    return new LossScale.State(scale, good);
  }

  /**
   * Where the update diverged: the last element of the gradients that was not finite, which is the
   * first one in backward order; -1 where all were.
   */
  public long element() {
    return element;
  }
}
