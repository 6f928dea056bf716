package org.jresnet.engine;

/** Searches for NaN and infinity. */
final class Finite {
  private Finite() {}

  static boolean all(float[] values) {
    for (float v : values) {
      if (!Float.isFinite(v)) {
        return false;
      }
    }
    return true;
  }
}
