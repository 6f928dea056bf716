package org.jresnet.backend;

/** What is kept of the last {@link Updates#DEPTH} steps lies in as many slots, used in turn. */
public final class Ring {
  private Ring() {}

  /**
   * The slot of a step.
   *
   * @param number of the step, from 0
   * @param sent steps so far
   * @throws IllegalArgumentException when it was not sent, or its slot is another one's now
   */
  public static int slot(long number, long sent) {
    if (number >= sent || number < 0 || number < sent - Updates.DEPTH) {
      throw new IllegalArgumentException(
          "expected one of the last %d of %d steps, found step %d"
              .formatted(Updates.DEPTH, sent, number));
    }
    return (int) (number % Updates.DEPTH);
  }
}
