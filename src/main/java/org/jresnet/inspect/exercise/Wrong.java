package org.jresnet.inspect.exercise;

import java.util.Optional;

/** What a learner's code does wrong. */
final class Wrong extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Optional<String> hint;

  Wrong(String message) {
    this(message, Optional.empty());
  }

  Wrong(String message, Optional<String> hint) {
    super(message);
    this.hint = hint;
  }

  /** Where the mistake may be, if it is known. */
  Optional<String> hint() {
    return hint;
  }
}
