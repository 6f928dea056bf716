package org.jresnet.base;

import java.util.List;

/**
 * Something the user can put right: a wrong path, a corrupt file, an impossible option.
 *
 * <p>The message is complete and is printed without a stack trace: what was expected, what was
 * found, where, and what to do. It is one line: a line break in it comes from a name that it
 * quotes, and is printed as an escape. What needs more lines gives them apart.
 */
public class UserError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String headline;

  // List.copyOf's lists can be serialized, which the type does not say.
  @SuppressWarnings("serial")
  private final List<String> details;

  /** An error with a complete message. */
  public UserError(String message) {
    this(message, (Throwable) null);
  }

  /** An error with a complete message and the failure behind it. */
  public UserError(String message, Throwable cause) {
    super(message, cause);
    headline = message;
    details = List.of();
  }

  /** An error whose message needs more lines, such as one for each name. */
  public UserError(String headline, List<String> details) {
    super(details.isEmpty() ? headline : headline + "\n" + String.join("\n", details));
    this.headline = headline;
    this.details = List.copyOf(details);
  }

  /** The first line. */
  public String headline() {
    return headline;
  }

  /** The lines below it. */
  public List<String> details() {
    return details;
  }
}
