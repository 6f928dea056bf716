package org.jresnet.train;

import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.engine.Executable;

/** What a network gives before softmax. */
final class Logits {
  private Logits() {}

  /** Computes them and refuses what is not finite, as {@link #ofLast} does. */
  static float[] of(Executable executable, byte[] pixels) {
    executable.start(pixels);
    return ofLast(executable);
  }

  /**
   * Those of the run that was started last. What is not finite is refused, naming the first node
   * where that happens: weights that are finite can still overflow.
   */
  static float[] ofLast(Executable executable) {
    float[] logits = executable.logits();
    for (float logit : logits) {
      if (!Float.isFinite(logit)) {
        throw new UserError(
            Text.format(
                "the network gives %s instead of a number; the first values that are not finite are "
                    + "%s. Its weights are damaged, or too large for %s",
                logit, executable.locateNonFinite(), executable.model().precision().id()));
      }
    }
    return logits;
  }
}
