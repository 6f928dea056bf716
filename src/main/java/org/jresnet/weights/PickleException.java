package org.jresnet.weights;

/** What of a pickle cannot be read, and why. */
final class PickleException extends Exception {
  private static final long serialVersionUID = 1L;

  PickleException(String message) {
    super(message);
  }
}
