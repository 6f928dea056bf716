package org.jresnet.engine;

import java.util.List;

/**
 * Closes everything, last made first; the first failure is thrown, later ones are attached to it.
 */
final class Closing {
  private Closing() {}

  static void closeAll(List<? extends AutoCloseable> resources) {
    RuntimeException failure = null;
    for (int i = resources.size() - 1; i >= 0; i--) {
      try {
        resources.get(i).close();
      } catch (Exception e) {
        if (failure == null) {
          failure = new IllegalStateException("closing failed: " + e.getMessage(), e);
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
