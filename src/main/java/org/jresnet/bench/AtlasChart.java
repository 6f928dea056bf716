package org.jresnet.bench;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jresnet.bench.Atlas.Row;

/**
 * An atlas as a heat map in SVG: a line per convolution, a column per precision, product, candidate
 * and number of threads. The colour is the share of the measured peak, the number the time; the
 * fastest candidate of a product has a frame.
 */
final class AtlasChart {
  private static final int CELL = 62;
  private static final int LINE = 20;
  private static final int LABELS = 170;
  private static final int HEAD = 108;
  private static final int MARGIN = 12;

  private static final List<String> OPERATIONS =
      List.of("forward", "backward data", "backward weights", "inference");

  /** Shares at which the legend shows the colours. */
  private static final double[] LEGEND = {0, 0.25, 0.5, 0.75, 1, 1.5, 2};

  private final Atlas atlas;
  private final StringBuilder svg = new StringBuilder();

  private AtlasChart(Atlas atlas) {
    this.atlas = atlas;
  }

  /** The SVG file. */
  static String draw(Atlas atlas) {
    return new AtlasChart(atlas).draw();
  }

  private String draw() {
    Map<String, Map<String, Row>> lines = new LinkedHashMap<>();
    List<String> columns =
        atlas.rows().stream()
            .sorted(
                Comparator.comparing(Row::precision)
                    .thenComparing(Row::threads)
                    .thenComparing(row -> OPERATIONS.indexOf(row.operation())))
            .map(AtlasChart::column)
            .distinct()
            .toList();
    Map<String, Double> best = new LinkedHashMap<>();
    for (Row row : atlas.rows()) {
      place(row, lines);
      best.merge(product(row), row.ms(), Math::min);
    }
    int width = LABELS + columns.size() * CELL + 2 * MARGIN;
    int height = HEAD + lines.size() * LINE + 64;
    add(
        "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d'"
            + " font-family='sans-serif' font-size='11' role='img'>\n",
        width, height, width, height);
    add("<title>%s</title>\n<rect width='100%%' height='100%%' fill='#fff'/>\n", safe(title()));
    text(MARGIN, 20, "start", title());
    text(MARGIN, 36, "start", atlas.origin().machine());
    for (int i = 0; i < columns.size(); i++) {
      String[] words = columns.get(i).split("\\|", -1);
      for (int w = 0; w < words.length; w++) {
        text(x(i) + CELL / 2, HEAD - 52 + 14 * w, "middle", words[w]);
      }
    }
    int y = HEAD;
    for (Map.Entry<String, Map<String, Row>> line : lines.entrySet()) {
      text(LABELS, y + 14, "end", line.getKey());
      for (Map.Entry<String, Row> cell : line.getValue().entrySet()) {
        Row row = cell.getValue();
        cell(x(columns.indexOf(cell.getKey())), y, row, row.ms() <= best.get(product(row)));
      }
      y += LINE;
    }
    legend(y + 18);
    return svg.append("</svg>\n").toString();
  }

  private String title() {
    Atlas.Origin o = atlas.origin();
    return String.format(
        Locale.ROOT,
        "%s, batch %d, %dx%d: milliseconds, coloured by share of the peak",
        o.network(),
        o.batch(),
        o.size(),
        o.size());
  }

  /** Products that differ in what the short name leaves out stand in lines of their own. */
  private static void place(Row row, Map<String, Map<String, Row>> lines) {
    String label = row.convolution();
    for (int i = 2; lines.getOrDefault(label, Map.of()).containsKey(column(row)); i++) {
      label = row.convolution() + " (" + i + ")";
    }
    lines.computeIfAbsent(label, l -> new LinkedHashMap<>()).put(column(row), row);
  }

  private static String column(Row row) {
    String threads = row.threads() == 1 ? "1 thread" : row.threads() + " threads";
    return String.join(
        "|",
        row.precision().id(),
        threads,
        row.operation().replace("backward ", "b. "),
        row.candidate());
  }

  private static String product(Row row) {
    return row.part() + row.precision() + row.threads();
  }

  private static int x(int column) {
    return LABELS + MARGIN + column * CELL;
  }

  private void cell(int x, int y, Row row, boolean fastest) {
    add(
        "<g><title>%s</title><rect x='%d' y='%d' width='%d' height='%d' fill='%s'%s/>",
        safe(
            String.format(
                Locale.ROOT,
                "%s, %s: %.3f ms, %.0f GFLOP/s, %.0f %% of the peak, error %.1e",
                row.part(),
                row.candidate(),
                row.ms(),
                row.gflops(),
                100 * row.share(),
                row.error())),
        x + 1,
        y + 1,
        CELL - 2,
        LINE - 2,
        colour(row.share()),
        fastest ? " stroke='#000' stroke-width='1.5'" : "");
    add(
        "<text x='%d' y='%d' text-anchor='middle' fill='%s'>%.2f</text></g>\n",
        x + CELL / 2, y + 14, row.share() > 0.6 ? "#fff" : "#000", row.ms());
  }

  /** White to blue up to the peak; from blue to red above it, where an algorithm saves products. */
  private static String colour(double share) {
    double below = Math.max(0, Math.min(1, share));
    double above = Math.max(0, Math.min(1, share - 1));
    long red = Math.round(255 - 224 * below + 147 * above);
    long green = Math.round(255 - 163 * below - 70 * above);
    long blue = Math.round(255 - 92 * below - 130 * above);
    return String.format(Locale.ROOT, "#%02x%02x%02x", red, green, blue);
  }

  private void legend(int y) {
    for (int i = 0; i < LEGEND.length; i++) {
      add(
          "<rect x='%d' y='%d' width='40' height='12' fill='%s' stroke='#999'/>\n",
          LABELS + MARGIN + 48 * i, y, colour(LEGEND[i]));
      text(
          LABELS + MARGIN + 48 * i + 20,
          y + 26,
          "middle",
          String.format(Locale.ROOT, "%.0f %%", 100 * LEGEND[i]));
    }
    text(LABELS, y + 11, "end", "share of the peak");
  }

  private void text(int x, int y, String anchor, String text) {
    add("<text x='%d' y='%d' text-anchor='%s'>%s</text>\n", x, y, anchor, safe(text));
  }

  private static String safe(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  private void add(String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values));
  }
}
