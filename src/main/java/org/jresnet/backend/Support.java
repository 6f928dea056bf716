package org.jresnet.backend;

/** Answer to "can you do this?": yes, or no with the reason. */
public sealed interface Support {
  /** It can. */
  record Yes() implements Support {}

  /** It cannot, and why. */
  record No(String reason) implements Support {}

  /** The answer yes. */
  static Support yes() {
    return new Yes();
  }

  /** The answer no, with its reason. */
  static Support no(String reason) {
    return new No(reason);
  }
}
