package org.jresnet.detect;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.List;
import org.jresnet.base.Text;
import org.jresnet.data.RgbImage;
import org.jresnet.train.HeatMap;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;

/** Draws explanations. */
public final class ExplanationDrawing {
  /** Smaller images are enlarged to at least this side. */
  private static final int SIDE = 256;

  private static final int MARGIN = 12;
  private static final int BAR = 16;
  private static final int LABEL = 64;
  private static final int CAPTION = 44;

  /** How much of the overlay is colour. */
  private static final float OPACITY = 0.55f;

  /**
   * Dark blue to yellow by way of grey, in the order of lightness, so that colour-blind readers and
   * grey printers see the same order: some colours of cividis (Nuñez et al. 2018, <a
   * href="https://arxiv.org/abs/1712.01662">arXiv:1712.01662</a>).
   */
  private static final int[] COLOURS = {0x00224e, 0x434e6c, 0x7d7c78, 0xbcae6c, 0xfee838};

  private ExplanationDrawing() {}

  /** The image, the image under its heat map, and what the colours mean. */
  public static BufferedImage overlay(Explanation e) {
    int side = e.input().width();
    int scale = Math.max(1, (SIDE + side - 1) / side);
    int shown = side * scale;
    int width = 2 * shown + 4 * MARGIN + BAR + LABEL;
    BufferedImage out =
        new BufferedImage(width, shown + 2 * MARGIN + CAPTION, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = out.createGraphics();
    try {
      g.setColor(Color.WHITE);
      g.fillRect(0, 0, out.getWidth(), out.getHeight());
      g.drawImage(e.input().toBuffered(), MARGIN, MARGIN, shown, shown, null);
      int at = shown + 2 * MARGIN;
      g.drawImage(blended(e.input(), e.map(), shown), at, MARGIN, null);
      at += shown + MARGIN;
      for (int y = 0; y < shown; y++) {
        g.setColor(new Color(colour(1 - y / (shown - 1.0))));
        g.fillRect(at, MARGIN + y, BAR, 1);
      }
      g.setRenderingHint(
          RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
      g.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
      g.setColor(Color.BLACK);
      g.drawString(Text.format("%.3g", e.map().largest()), at + BAR + 4, MARGIN + 10);
      g.drawString("0", at + BAR + 4, MARGIN + shown);
      int below = shown + 2 * MARGIN + 12;
      g.drawString(
          Text.format("'%s', %.2f %%", Text.visible(e.label()), 100 * e.probability()),
          MARGIN,
          below);
      g.drawString(
          Text.format(
              "Grad-CAM at %s (%dx%d): what speaks for this class",
              e.map().node(), e.map().height(), e.map().width()),
          MARGIN,
          below + 18);
    } finally {
      g.dispose();
    }
    return out;
  }

  /** The image in grey under the colours of the map. */
  private static BufferedImage blended(RgbImage image, HeatMap map, int side) {
    HeatMap fine = map.resized(side, side);
    double largest = map.largest();
    int scale = side / image.width();
    BufferedImage under = image.toBuffered();
    BufferedImage out = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < side; y++) {
      for (int x = 0; x < side; x++) {
        int below = under.getRGB(x / scale, y / scale);
        // ITU-R BT.601
        double grey =
            0.299 * (below >> 16 & 255) + 0.587 * (below >> 8 & 255) + 0.114 * (below & 255);
        int over = colour(largest == 0 ? 0 : fine.at(y, x) / largest);
        int mixed = 0;
        for (int shift = 16; shift >= 0; shift -= 8) {
          double value = (1 - OPACITY) * grey + OPACITY * (over >> shift & 255);
          mixed |= (int) Math.round(value) << shift;
        }
        out.setRGB(x, y, mixed);
      }
    }
    return out;
  }

  /** The colour of a share of the largest value. */
  static int colour(double share) {
    double at = Math.max(0, Math.min(1, share)) * (COLOURS.length - 1);
    int i = Math.min(COLOURS.length - 2, (int) at);
    int mixed = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
      double low = COLOURS[i] >> shift & 255;
      double high = COLOURS[i + 1] >> shift & 255;
      mixed |= (int) Math.round(low + (at - i) * (high - low)) << shift;
    }
    return mixed;
  }

  /** What the removal of each band of frequencies does to the log-odds of the class. */
  public static BufferedImage bands(Explanation e) {
    CategoryChart chart =
        new CategoryChartBuilder()
            .width(720)
            .height(420)
            .title(Text.format("'%s' without one band of frequencies", Text.visible(e.label())))
            .xAxisTitle("removed band, cycles per pixel")
            .yAxisTitle("change of the log-odds")
            .build();
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setLegendVisible(false);
    chart.getStyler().setSeriesColors(new Color[] {new Color(COLOURS[1])});
    List<String> names =
        e.bands().stream()
            .map(b -> Text.format("%.2f-%.2f", b.band().from(), b.band().to()))
            .toList();
    List<Double> changes = e.bands().stream().map(b -> b.logOdds() - e.logOdds()).toList();
    chart.addSeries("change", names, changes);
    return BitmapEncoder.getBufferedImage(chart);
  }
}
