package org.jresnet.base;

import java.util.List;

/**
 * Closes everything, last made first; the first failure is thrown, later ones are attached to it.
 */
public final class Closing {
  private Closing() {}

  /** Closes {@code resources} from the last to the first. */
  public static void closeAll(List<? extends AutoCloseable> resources) {
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
