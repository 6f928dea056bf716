package org.jresnet.cli;

import java.util.function.Supplier;
import org.jresnet.base.UserError;

/** Wrong usage: an option that cannot be meant. The exit code is 2 instead of 1. */
final class UsageError extends UserError {
  private static final long serialVersionUID = 1L;

  /** What is wrong with which option. */
  UsageError(String message) {
    super(message);
  }

  private UsageError(UserError cause) {
    super(cause.headline(), cause.details());
    initCause(cause);
  }

  /** What options stand for; that they stand for nothing is wrong usage. */
  static <T> T unlessValid(Supplier<T> named) {
    try {
      return named.get();
    } catch (UserError e) {
      throw new UsageError(e);
    }
  }
}
