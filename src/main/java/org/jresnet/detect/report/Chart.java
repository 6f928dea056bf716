package org.jresnet.detect.report;

import com.samskivert.mustache.Escapers;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A line chart as SVG within a page. Colours are the page's ({@code .s0}, {@code .s1} and so on),
 * so that it follows light, dark and print.
 */
final class Chart {
  private static final int WIDTH = 420;
  private static final int HEIGHT = 300;
  private static final int LEFT = 52;
  private static final int RIGHT = 14;
  private static final int TOP = 12;
  private static final int BOTTOM = 44;

  private final String title;
  private final Axis x;
  private final Axis y;
  private final StringBuilder marks = new StringBuilder();
  private final List<String> names = new ArrayList<>();

  /**
   * An empty chart.
   *
   * @param title says what is seen to those who cannot see it
   */
  Chart(String title, Axis x, Axis y) {
    this.title = title;
    this.x = x;
    this.y = y;
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  private static String safe(String text) {
    return Escapers.HTML.escape(text);
  }

  private double left(double value) {
    return LEFT + x.place(value) * (WIDTH - LEFT - RIGHT);
  }

  private double top(double value) {
    return TOP + (1 - y.place(value)) * (HEIGHT - TOP - BOTTOM);
  }

  private String point(double vx, double vy) {
    return format("%.1f,%.1f", left(vx), top(vy));
  }

  /** A line through points; those that are not finite leave a gap. */
  Chart line(String name, double[] xs, double[] ys) {
    String colour = "s" + names.size() % 6;
    names.add(name);
    List<String> run = new ArrayList<>();
    for (int i = 0; i <= xs.length; i++) {
      if (i < xs.length && Double.isFinite(xs[i]) && Double.isFinite(ys[i])) {
        run.add(point(xs[i], ys[i]));
      } else if (!run.isEmpty()) {
        marks.append(
            run.size() == 1
                ? format(
                    "<circle class='%s' r='2.5' cx='%s' cy='%s'/>", colour, xy(run, 0), xy(run, 1))
                : format("<polyline class='%s' points='%s'/>", colour, String.join(" ", run)));
        run.clear();
      }
    }
    return this;
  }

  private static String xy(List<String> run, int part) {
    return run.get(0).split(",")[part];
  }

  /** Dots on the line that was drawn last. */
  Chart dots(double[] xs, double[] ys) {
    String colour = "s" + (names.size() - 1) % 6;
    for (int i = 0; i < xs.length; i++) {
      if (Double.isFinite(xs[i]) && Double.isFinite(ys[i])) {
        String[] at = point(xs[i], ys[i]).split(",");
        marks.append(format("<circle class='%s' r='3' cx='%s' cy='%s'/>", colour, at[0], at[1]));
      }
    }
    return this;
  }

  /** The area between two lines: an interval of the line that is drawn next. */
  Chart band(double[] xs, double[] low, double[] high) {
    int[] known =
        IntStream.range(0, xs.length)
            .filter(i -> Double.isFinite(low[i]) && Double.isFinite(high[i]))
            .toArray();
    if (known.length > 1) {
      List<String> points = new ArrayList<>();
      for (int i : known) {
        points.add(point(xs[i], high[i]));
      }
      for (int k = known.length - 1; k >= 0; k--) {
        points.add(point(xs[known[k]], low[known[k]]));
      }
      marks.append(
          format("<polygon class='s%d' points='%s'/>", names.size() % 6, String.join(" ", points)));
    }
    return this;
  }

  /** A dotted line that says what would be expected of chance, or of a perfect forecast. */
  Chart guide(double x0, double y0, double x1, double y1) {
    marks.append(format("<polyline class='guide' points='%s %s'/>", point(x0, y0), point(x1, y1)));
    return this;
  }

  /** The chart as an {@code svg} element with its legend. */
  String svg() {
    StringBuilder out = new StringBuilder();
    out.append(
        format(
            "<svg class='chart' viewBox='0 0 %d %d' role='img' aria-label='%s'>",
            WIDTH, HEIGHT, safe(title)));
    for (double t : x.ticks()) {
      double at = left(t);
      out.append(
          format(
              "<line class='grid' x1='%1$.1f' x2='%1$.1f' y1='%2$d' y2='%3$d'/><text x='%1$.1f' y='%4$d' text-anchor='middle'>%5$s</text>",
              at, TOP, HEIGHT - BOTTOM, HEIGHT - BOTTOM + 14, x.text(t)));
    }
    for (double t : y.ticks()) {
      double at = top(t);
      out.append(
          format(
              "<line class='grid' x1='%1$d' x2='%2$d' y1='%3$.1f' y2='%3$.1f'/><text x='%4$d' y='%5$.1f' text-anchor='end'>%6$s</text>",
              LEFT, WIDTH - RIGHT, at, LEFT - 6, at + 3.5, y.text(t)));
    }
    out.append(
        format(
            "<text class='label' x='%d' y='%d' text-anchor='middle'>%s</text>",
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, safe(unit(x))));
    int middle = (TOP + HEIGHT - BOTTOM) / 2;
    out.append(
        format(
            "<text class='label' x='12' y='%1$d' text-anchor='middle' transform='rotate(-90 12 %1$d)'>%2$s</text>",
            middle, safe(unit(y))));
    out.append(marks).append("</svg>");
    if (names.size() > 1) {
      out.append(
          IntStream.range(0, names.size())
              .mapToObj(i -> format("<span class='key s%d'>%s</span>", i % 6, safe(names.get(i))))
              .collect(Collectors.joining(" ", "<p class='legend'>", "</p>")));
    }
    return out.toString();
  }

  private static String unit(Axis axis) {
    return axis.percent() ? axis.label() + " (%)" : axis.label();
  }
}
