package org.jresnet.detect.audit;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Interpolation;
import org.jresnet.base.Json;
import org.jresnet.base.Png;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Resize;
import org.jresnet.data.RgbImage;
import org.jresnet.detect.audit.AuditReport.ClassFacts;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * What an audit leaves in a folder: {@code audit.json}, an {@link AuditReport}; {@code
 * spectrum.png}, the classes' mean spectra; {@code examples.png}, some images of each class.
 */
public final class AuditFolder {
  /** The report. */
  public static final String REPORT = "audit.json";

  /** The chart of the spectra; missing where no image is large enough for one. */
  public static final String SPECTRUM = "spectrum.png";

  /** Images of each class, a row each. */
  public static final String EXAMPLES = "examples.png";

  private static final int CHART_WIDTH = 900;
  private static final int CHART_HEIGHT = 480;
  private static final int THUMBNAIL = 96;
  private static final int GAP = 6;
  private static final int TITLE = 20;

  /** Classes that are drawn. */
  private static final int MAX_CLASSES = 10;

  private AuditFolder() {}

  /**
   * Makes the folder, before any work.
   *
   * @throws UserError when it holds an audit that may not be replaced, or cannot be made
   */
  public static void open(Path folder, boolean overwrite) {
    for (String name : List.of(REPORT, SPECTRUM, EXAMPLES)) {
      if (!overwrite && Files.exists(folder.resolve(name), LinkOption.NOFOLLOW_LINKS)) {
        throw new UserError(
            Text.format("%s exists; use --overwrite to replace it", folder.resolve(name)));
      }
    }
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UserError(Text.format("the folder %s cannot be made: %s", folder, e), e);
    }
  }

  /** Reads the report of an audit. */
  public static AuditReport read(Path folder) {
    return Json.read(folder.resolve(REPORT), "the report of an audit", AuditReport.class);
  }

  /**
   * Writes everything.
   *
   * @param data where the examples lie
   */
  public static void write(Path folder, AuditReport report, Path data) {
    List<ClassFacts> drawn = report.classes().stream().limit(MAX_CLASSES).toList();
    if (drawn.stream().anyMatch(c -> c.spectrumImages() > 0)) {
      Png.write(spectra(report, drawn), folder.resolve(SPECTRUM));
    }
    Png.write(examples(drawn, data), folder.resolve(EXAMPLES));
    AtomicFile.write(folder.resolve(REPORT), Json.pretty(report));
  }

  private static BufferedImage spectra(AuditReport report, List<ClassFacts> classes) {
    XYChart chart =
        new XYChartBuilder()
            .width(CHART_WIDTH)
            .height(CHART_HEIGHT)
            .title("Mean spectrum of each class")
            .xAxisTitle("cycles per pixel")
            .yAxisTitle("log10 of the power")
            .build();
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setLegendPosition(LegendPosition.InsideNE);
    chart.getStyler().setXAxisMin(0.0).setXAxisMax(0.5);
    for (ClassFacts c : classes) {
      if (c.spectrumImages() > 0) {
        chart
            .addSeries(Text.visible(c.name()), report.spectrum().frequencies(), c.spectrum())
            .setMarker(SeriesMarkers.NONE);
      }
    }
    BufferedImage drawing =
        new BufferedImage(CHART_WIDTH, CHART_HEIGHT, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = drawing.createGraphics();
    chart.paint(g, CHART_WIDTH, CHART_HEIGHT);
    g.dispose();
    return drawing;
  }

  private static BufferedImage examples(List<ClassFacts> classes, Path data) {
    int columns = classes.stream().mapToInt(c -> c.examples().size()).max().orElse(1);
    int row = TITLE + THUMBNAIL + GAP;
    BufferedImage sheet =
        new BufferedImage(
            GAP + Math.max(1, columns) * (THUMBNAIL + GAP),
            GAP + classes.size() * row,
            BufferedImage.TYPE_INT_RGB);
    Graphics2D g = sheet.createGraphics();
    g.setColor(Color.WHITE);
    g.fillRect(0, 0, sheet.getWidth(), sheet.getHeight());
    g.setColor(Color.BLACK);
    g.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, TITLE * 2 / 3));
    g.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    for (int c = 0; c < classes.size(); c++) {
      int top = GAP + c * row;
      g.drawString(Text.visible(classes.get(c).name()), GAP, top + TITLE * 2 / 3);
      List<String> ids = classes.get(c).examples();
      for (int i = 0; i < ids.size(); i++) {
        draw(sheet, data.resolve(ids.get(i)), GAP + i * (THUMBNAIL + GAP), top + TITLE);
      }
    }
    g.dispose();
    return sheet;
  }

  private static void draw(BufferedImage sheet, Path file, int left, int top) {
    RgbImage image;
    try {
      image = ImageDecoder.decode(file);
    } catch (BadImageException e) {
      // It could be decoded a moment ago; a sheet with a gap is better than no report.
      return;
    }
    RgbImage small =
        Resize.centerCrop(Resize.shorterSide(image, THUMBNAIL, Interpolation.BILINEAR), THUMBNAIL);
    for (int y = 0, at = 0; y < THUMBNAIL; y++) {
      for (int x = 0; x < THUMBNAIL; x++, at += 3) {
        byte[] rgb = small.rgb();
        int pixel = (rgb[at] & 255) << 16 | (rgb[at + 1] & 255) << 8 | rgb[at + 2] & 255;
        sheet.setRGB(left + x, top + y, pixel);
      }
    }
  }
}
