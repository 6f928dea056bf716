package org.jresnet.backend;

import org.jresnet.base.JsonField;

/**
 * Keeps half-precision gradients from vanishing: the loss is scaled up, the gradients down again
 * before they are used; a step whose gradients overflow is left out and halves the scale, many good
 * steps in a row double it (Micikevicius et al. 2018, arXiv:1710.03740; the constants are those of
 * <a
 * href="https://pytorch.org/docs/stable/amp.html#torch.cuda.amp.GradScaler">torch.amp.GradScaler</a>).
 * Other precisions have the scale 1.
 */
public final class LossScale {
  /**
   * What a checkpoint keeps.
   *
   * @param scale factor of the loss
   * @param good steps without overflow since the scale last changed
   */
  public record State(
      @JsonField(min = 1, max = LARGEST) double scale,
      @JsonField(min = 0, max = GROWTH_INTERVAL - 1) int good) {
    /** Of a new run. */
    public static final State START = new State(65536, 0);
  }

  /** Good steps in a row that double the scale. */
  public static final int GROWTH_INTERVAL = 2000;

  /** The scale grows no further. */
  public static final double LARGEST = 0x1p40;

  private final boolean dynamic;
  private State state;

  /** The scale of a run in that precision. */
  public LossScale(Precision precision, State state) {
    dynamic = precision == Precision.FP16;
    this.state = state;
  }

  /** Where it stands. */
  public State state() {
    return state;
  }

  /** Whether gradients move it. */
  public boolean dynamic() {
    return dynamic;
  }

  /** What the loss of the next steps is multiplied by. */
  public double factor() {
    return dynamic ? state.scale : 1;
  }

  /**
   * Takes note of a step's gradient norm, and says whether the gradients are to be used. At the
   * scale 1 they are even when they are not finite, so that whoever uses them finds out.
   */
  public boolean accepts(double norm) {
    if (!dynamic) {
      return true;
    }
    if (Double.isFinite(norm)) {
      int good = state.good + 1;
      boolean grows = good == GROWTH_INTERVAL && state.scale < LARGEST;
      state = new State(grows ? 2 * state.scale : state.scale, good == GROWTH_INTERVAL ? 0 : good);
      return true;
    }
    if (state.scale <= 1) {
      return true;
    }
    state = new State(state.scale / 2, 0);
    return false;
  }
}
