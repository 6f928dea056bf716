package org.jresnet.detect.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.jresnet.metrics.Normal;

/**
 * One axis of a chart.
 *
 * @param label what is measured, with its unit
 * @param low value at the low end
 * @param high value at the high end, greater than {@code low}
 * @param ticks values that get a mark and a number
 * @param scale what is linear along the axis
 * @param percent whether values are shares that are shown in percent
 */
record Axis(
    String label,
    double low,
    double high,
    List<Double> ticks,
    DoubleUnaryOperator scale,
    boolean percent) {
  private static final int TICKS = 5;

  /** Error rates that a DET curve's axes show. */
  private static final List<Double> RATES =
      List.of(0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5);

  /** A linear axis with round numbers as ticks. */
  static Axis linear(String label, double low, double high) {
    double end = high > low ? high : low + 1;
    double step = step((end - low) / TICKS);
    List<Double> ticks = new ArrayList<>();
    for (double i = Math.ceil(low / step - 1e-9); i * step <= end + 1e-9 * step; i++) {
      double tick = i * step;
      ticks.add(Math.abs(tick) < step / 2 ? 0 : tick);
    }
    return new Axis(label, low, end, ticks, v -> v, false);
  }

  /** Whole numbers; every one of them has a tick where there are few. */
  static Axis counts(String label, int first, int last) {
    int end = Math.max(first + 1, last);
    int step = (int) Math.max(1, step((end - first) / (2.0 * TICKS)));
    List<Double> ticks =
        IntStream.iterate(first, i -> i <= end, i -> i + step).mapToObj(i -> (double) i).toList();
    return new Axis(label, first, end, ticks, v -> v, false);
  }

  /** Shares from 0 to 1, in percent. */
  static Axis shares(String label) {
    return shares(label, 0);
  }

  /** Shares from {@code low} to 1, in percent. */
  static Axis shares(String label, double low) {
    Axis a = linear(label, low, 1);
    return new Axis(label, low, 1, a.ticks, a.scale, true);
  }

  /**
   * Error rates from 0.05 % to 60 % on the scale of a DET curve (Martin et al. 1997): linear in the
   * normal distribution's quantiles.
   */
  static Axis errorRates(String label) {
    return new Axis(label, 0.0005, 0.6, RATES, Normal::quantile, true);
  }

  /** The round number next above: 1, 2 or 5 times a power of ten. */
  private static double step(double least) {
    double power = Math.pow(10, Math.floor(Math.log10(least)));
    for (int factor : new int[] {1, 2, 5}) {
      if (factor * power >= least * (1 - 1e-9)) {
        return factor * power;
      }
    }
    return 10 * power;
  }

  /** Place of a value between 0 (low end) and 1; values beyond an end lie on it. */
  double place(double value) {
    double v = Math.min(Math.max(value, low), high);
    double from = scale.applyAsDouble(low);
    return (scale.applyAsDouble(v) - from) / (scale.applyAsDouble(high) - from);
  }

  /** A tick's number. */
  String text(double tick) {
    // Without the sign of a zero that rounding left.
    double v = (percent ? 100 * tick : tick) + 0.0;
    String text = String.format(Locale.ROOT, "%.6g", v);
    if (text.contains("e")) {
      return String.format(Locale.ROOT, "%.0e", v);
    }
    return text.contains(".") ? text.replaceAll("\\.?0+$", "") : text;
  }
}
