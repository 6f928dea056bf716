package org.jresnet.metrics;

/** Checks labels against one row of scores per example. */
final class Examples {
  private Examples() {}

  static void check(int[] labels, double[][] rows) {
    if (labels.length != rows.length) {
      throw new IllegalArgumentException(
          "one row per label is needed, found " + rows.length + " for " + labels.length);
    }
    for (int i = 0; i < labels.length; i++) {
      if (rows[i].length != rows[0].length) {
        throw new IllegalArgumentException(
            "row " + i + " has " + rows[i].length + " classes, row 0 has " + rows[0].length);
      }
      checkClass("label", labels[i], i, rows[i].length);
    }
  }

  static void checkClass(String what, int value, int example, int classes) {
    if (value < 0 || value >= classes) {
      throw new IllegalArgumentException(
          what + " " + value + " of example " + example + " is none of " + classes + " classes");
    }
  }
}
