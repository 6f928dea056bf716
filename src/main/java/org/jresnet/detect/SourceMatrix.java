package org.jresnet.detect;

import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Csv;
import org.jresnet.base.Json;
import org.jresnet.base.Png;
import org.jresnet.base.Text;

/**
 * Models against sources of images: {@code matrix.json}, {@code matrix.csv} and a heat map {@code
 * matrix.png}.
 *
 * <p>Keys of the JSON file: {@code command, time, environment, runs} and {@code sets} (names, with
 * {@code run_paths} and {@code set_paths}), and {@code cells}: {@code run, set}, the figures of
 * {@link Figures#values}, and how many of the images the model knows: {@code images_of_train,
 * images_of_val, images_of_test}.
 */
public final class SourceMatrix {
  /** Names of the files. */
  public static final List<String> FILES = List.of("matrix.json", "matrix.csv", "matrix.png");

  private static final String TITLE =
      "AUC (accuracy where marked a), 95 % interval; rows: models, columns: sets";

  private static final int CELL_WIDTH = 150;
  private static final int CELL_HEIGHT = 64;
  private static final int MARGIN = 24;

  private final List<String> runs;
  private final List<String> sets;
  private final List<List<Cell>> rows;

  /**
   * A model on a source.
   *
   * @param figures what it does
   * @param seen images of the source that are not new to the model: {@code images_of_train} and so
   *     on
   */
  public record Cell(Figures figures, Map<String, Integer> seen) {
    /** Copies the map. */
    public Cell {
      seen = Map.copyOf(seen);
    }

    /** Whether the model was trained on any of the images, or they chose its epoch. */
    public boolean known() {
      return seen.getOrDefault("images_of_train", 0) + seen.getOrDefault("images_of_val", 0) > 0;
    }
  }

  /**
   * A matrix.
   *
   * @param runs names of the models, one per row
   * @param sets names of the sources, one per column
   * @param rows each model on each source
   */
  public SourceMatrix(List<String> runs, List<String> sets, List<List<Cell>> rows) {
    this.runs = List.copyOf(runs);
    this.sets = List.copyOf(sets);
    this.rows = rows.stream().map(List::copyOf).toList();
  }

  /** One name per path: its last part, or all of it where last parts are the same. */
  public static List<String> names(List<Path> paths) {
    List<String> last =
        paths.stream().map(p -> p.toAbsolutePath().normalize().getFileName().toString()).toList();
    return last.stream().distinct().count() == last.size()
        ? last
        : paths.stream().map(Path::toString).toList();
  }

  /** Writes all three files into a folder that is there. */
  public void write(Path folder, Map<String, ?> origin) {
    Map<String, Object> values = new LinkedHashMap<>(origin);
    values.put("runs", runs);
    values.put("sets", sets);
    values.put("cells", cells());
    AtomicFile.write(folder.resolve(FILES.get(0)), Json.pretty(values));
    Csv.write(folder.resolve(FILES.get(1)), records());
    Png.write(draw(), folder.resolve(FILES.get(2)));
  }

  /** The cells for JSON, row after row. */
  public List<Map<String, Object>> cells() {
    List<Map<String, Object>> cells = new ArrayList<>();
    for (int r = 0; r < runs.size(); r++) {
      for (int s = 0; s < sets.size(); s++) {
        Map<String, Object> cell = new LinkedHashMap<>();
        cell.put("run", runs.get(r));
        cell.put("set", sets.get(s));
        cell.putAll(rows.get(r).get(s).figures().values());
        cell.putAll(new TreeMap<>(rows.get(r).get(s).seen()));
        cells.add(cell);
      }
    }
    return cells;
  }

  private List<List<String>> records() {
    List<String> header = new ArrayList<>(List.of("run", "set"));
    header.addAll(Figures.header());
    header.add("seen");
    List<List<String>> records = new ArrayList<>(List.of(header));
    for (int r = 0; r < runs.size(); r++) {
      for (int s = 0; s < sets.size(); s++) {
        List<String> record = new ArrayList<>(List.of(runs.get(r), sets.get(s)));
        record.addAll(rows.get(r).get(s).figures().fields());
        record.add(rows.get(r).get(s).known() ? "yes" : "no");
        records.add(record);
      }
    }
    return records;
  }

  /** AUC, or accuracy where a cell has none, from white (0.5 and below) to blue (1). */
  private BufferedImage draw() {
    Font font = new Font(Font.SANS_SERIF, Font.PLAIN, 13);
    BufferedImage probe = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB);
    Graphics2D measuring = probe.createGraphics();
    FontMetrics metrics = measuring.getFontMetrics(font);
    int left = MARGIN;
    for (String run : runs) {
      left = Math.max(left, metrics.stringWidth(Text.visible(run)) + 2 * MARGIN);
    }
    measuring.dispose();
    BufferedImage image =
        new BufferedImage(
            Math.max(left + sets.size() * CELL_WIDTH, metrics.stringWidth(TITLE)) + MARGIN,
            3 * MARGIN + runs.size() * CELL_HEIGHT + MARGIN,
            BufferedImage.TYPE_INT_RGB);
    Graphics2D g = image.createGraphics();
    try {
      g.setRenderingHint(
          RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
      g.setFont(font);
      g.setColor(Color.WHITE);
      g.fillRect(0, 0, image.getWidth(), image.getHeight());
      g.setColor(Color.DARK_GRAY);
      g.drawString(TITLE, 8, 16);
      for (int s = 0; s < sets.size(); s++) {
        centred(g, sets.get(s), left + s * CELL_WIDTH, 2 * MARGIN);
      }
      for (int r = 0; r < runs.size(); r++) {
        int top = 3 * MARGIN + r * CELL_HEIGHT;
        g.setColor(Color.DARK_GRAY);
        g.drawString(Text.visible(runs.get(r)), MARGIN, top + CELL_HEIGHT / 2);
        for (int s = 0; s < sets.size(); s++) {
          cell(g, rows.get(r).get(s).figures(), left + s * CELL_WIDTH, top);
        }
      }
    } finally {
      g.dispose();
    }
    return image;
  }

  private static void cell(Graphics2D g, Figures f, int x, int y) {
    boolean area = f.scores().isPresent();
    double value = area ? f.scores().get().auc() : f.accuracy();
    float strength = (float) Math.max(0, Math.min(1, 2 * value - 1));
    g.setColor(new Color(1 - 0.87f * strength, 1 - 0.62f * strength, 1 - 0.32f * strength));
    g.fillRect(x + 1, y + 1, CELL_WIDTH - 2, CELL_HEIGHT - 2);
    g.setColor(strength > 0.6f ? Color.WHITE : Color.BLACK);
    centred(
        g, String.format(Locale.ROOT, area ? "%.4f" : "a %.4f", value), x, y + CELL_HEIGHT / 2 - 6);
    centred(
        g,
        area ? f.intervals().orElseThrow().auc().fraction() : f.accuracyInterval().fraction(),
        x,
        y + CELL_HEIGHT / 2 + 14);
  }

  private static void centred(Graphics2D g, String text, int x, int baseline) {
    String shown = Text.visible(text);
    int width = g.getFontMetrics().stringWidth(shown);
    g.drawString(shown, x + Math.max(2, (CELL_WIDTH - width) / 2), baseline);
  }
}
