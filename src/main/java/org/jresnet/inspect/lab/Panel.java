package org.jresnet.inspect.lab;

import java.util.List;

/** One chart of an experiment's picture, as data. */
public sealed interface Panel {
  /** Above the chart. */
  String title();

  /**
   * A line, or one color of bars.
   *
   * @param name in the legend
   * @param x places; for bars their numbers from 0
   * @param y values
   */
  record Series(String name, double[] x, double[] y) {}

  /** Lines over numbers. */
  record Lines(String title, String x, String y, List<Series> series) implements Panel {}

  /** Bars over names; every series has a value for each. */
  record Bars(String title, List<String> names, String y, List<Series> series) implements Panel {}

  /** A square table of values in [0, 1] as colors. */
  record Heat(String title, List<String> names, double[][] values) implements Panel {}
}
