package org.jresnet.base;

/**
 * Something the user can put right: a wrong path, a corrupt file, an impossible option.
 *
 * <p>The message is complete and is printed as it stands, without a stack trace: what was expected,
 * what was found, where, and what to do.
 */
public class UserError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** An error with a complete message. */
  public UserError(String message) {
    super(message);
  }

  /** An error with a complete message and the failure behind it. */
  public UserError(String message, Throwable cause) {
    super(message, cause);
  }
}
