package org.jresnet.engine;

import java.util.OptionalLong;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.Pass;
import org.jresnet.base.UserError;

/** Asks a backend for the planned block of activations. */
final class ActivationMemory {
  private ActivationMemory() {}

  /**
   * Allocates.
   *
   * @throws UserError where there is not as much, saying which batch size would fit
   */
  static Buffer allocate(Model model, CompileOptions options, long bytes) {
    try {
      return model.backend().allocate("activations", bytes);
    } catch (UserError e) {
      long perImage = Math.max(1, bytes / options.batch());
      long parameters = model.parameters().bytes();
      long trained = options.pass() == Pass.TRAINING ? 2 * parameters : parameters;
      OptionalLong free = model.backend().freeBytes();
      String fits =
          free.isEmpty()
              ? ""
              : free.getAsLong() < perImage
                  ? " (not even one image fits)"
                  : " (about " + free.getAsLong() / perImage + " images would fit)";
      throw new UserError(
          String.format(
              "%s. %s at %dx%d needs about %d MB per image of the batch besides %d MB of parameters%s;"
                  + " use a smaller --batch than %d%s or a smaller --size",
              e.getMessage(),
              model.graph().name(),
              options.height(),
              options.width(),
              perImage >> 20,
              trained >> 20,
              options.pass() == Pass.TRAINING ? " and gradients" : "",
              options.batch(),
              fits),
          e);
    }
  }
}
