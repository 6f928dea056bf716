package org.jresnet.backend;

/** What a backward pass does with one gradient. */
public enum GradientWrite {
  /** It is not wanted and not computed. */
  NONE,
  /** {@code d = …} */
  OVERWRITE,
  /** {@code d += …}: another consumer of the same activation has already written its share. */
  ACCUMULATE
}
