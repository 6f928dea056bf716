package org.jresnet.metrics;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.util.List;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws loss and accuracy over the epochs. */
public final class Curves {
  private static final int WIDTH = 640;
  private static final int HEIGHT = 420;

  /** From here on points are drawn as a line alone: markers would touch. */
  private static final int MARKER_EPOCHS = 40;

  private Curves() {}

  /**
   * Values of one curve.
   *
   * @param name in the legend
   * @param values one per epoch, at least one; values that are not finite leave a gap
   */
  public record Curve(String name, List<Double> values) {
    /** Checks that there is something to draw. */
    public Curve {
      values = List.copyOf(values);
      if (values.isEmpty()) {
        throw new IllegalArgumentException("the curve " + name + " has no values");
      }
    }
  }

  /**
   * Two charts side by side, 1280 x 420 pixels: losses from zero and accuracies (in percent) up to
   * 100, by epoch, from epoch 1.
   */
  public static BufferedImage draw(List<Curve> losses, List<Curve> accuracies) {
    BufferedImage chart = new BufferedImage(2 * WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = chart.createGraphics();
    try {
      XYChart loss = chart("Loss", "cross-entropy", losses);
      loss.getStyler().setLegendPosition(LegendPosition.InsideNE);
      loss.getStyler().setYAxisMin(0.0).setYAxisMax(largest(losses));
      loss.paint(g, WIDTH, HEIGHT);
      g.translate(WIDTH, 0);
      XYChart accuracy = chart("Accuracy", "%", accuracies);
      accuracy.getStyler().setLegendPosition(LegendPosition.InsideSE);
      accuracy.getStyler().setYAxisMax(100.0);
      accuracy.getStyler().setYAxisMin(10 * Math.floor(Math.min(smallest(accuracies), 90) / 10));
      accuracy.paint(g, WIDTH, HEIGHT);
    } finally {
      g.dispose();
    }
    return chart;
  }

  /** A little above the largest value; an axis needs a length even when all losses are 0. */
  private static double largest(List<Curve> curves) {
    double largest =
        curves.stream()
            .flatMap(c -> c.values().stream())
            .filter(Double::isFinite)
            .mapToDouble(Double::doubleValue)
            .max()
            .orElse(1);
    return largest > 0 ? 1.05 * largest : 1;
  }

  private static double smallest(List<Curve> curves) {
    return curves.stream()
        .flatMap(c -> c.values().stream())
        .filter(Double::isFinite)
        .mapToDouble(Double::doubleValue)
        .min()
        .orElse(0);
  }

  private static XYChart chart(String title, String unit, List<Curve> curves) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("epoch")
            .yAxisTitle(unit)
            .build();
    int epochs = curves.stream().mapToInt(c -> c.values().size()).max().orElse(1);
    XYStyler style = chart.getStyler();
    style.setChartBackgroundColor(Color.WHITE);
    style.setXAxisMin(1.0).setXAxisMax(Math.max(2.0, epochs)).setXAxisDecimalPattern("#");
    style.setYAxisDecimalPattern("#.####");
    for (Curve curve : curves) {
      double[] x = new double[curve.values().size()];
      double[] y = new double[x.length];
      for (int i = 0; i < x.length; i++) {
        double value = curve.values().get(i);
        x[i] = i + 1;
        y[i] = Double.isFinite(value) ? value : Double.NaN;
      }
      XYSeries series = chart.addSeries(curve.name(), x, y);
      series.setMarker(epochs < MARKER_EPOCHS ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE);
      series.setLineStyle(new BasicStroke(2f));
    }
    return chart;
  }
}
