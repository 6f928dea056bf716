package org.jresnet.train;

import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.engine.Executable;

/** What a network gives before softmax. */
final class Logits {
  private Logits() {}

  /**
   * Computes them and refuses what is not finite, naming the first node where that happens: weights
   * that are finite can still overflow.
   */
  static float[] of(Executable executable, byte[] pixels) {
    float[] logits = executable.infer(pixels);
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
