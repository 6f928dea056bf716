package org.jresnet.metrics;

import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.util.List;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws loss and accuracy over the epochs. */
public final class Curves {
  private static final int WIDTH = 640;
  private static final int HEIGHT = 420;

  private Curves() {}

  /**
   * Values of one curve.
   *
   * @param name in the legend
   * @param values one per epoch
   */
  public record Curve(String name, List<Double> values) {}

  /** Two charts side by side: losses and accuracies (in percent) by epoch, from epoch 1. */
  public static BufferedImage draw(List<Curve> losses, List<Curve> accuracies) {
    BufferedImage picture = new BufferedImage(2 * WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = picture.createGraphics();
    try {
      chart("Loss", "cross-entropy", losses).paint(g, WIDTH, HEIGHT);
      g.translate(WIDTH, 0);
      chart("Accuracy", "%", accuracies).paint(g, WIDTH, HEIGHT);
    } finally {
      g.dispose();
    }
    return picture;
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
    int epochs = curves.get(0).values().size();
    chart.getStyler().setXAxisMin(1.0).setXAxisMax(Math.max(2.0, epochs));
    chart.getStyler().setXAxisDecimalPattern("#");
    for (Curve curve : curves) {
      double[] x = new double[curve.values().size()];
      double[] y = new double[x.length];
      for (int i = 0; i < x.length; i++) {
        x[i] = i + 1;
        y[i] = curve.values().get(i);
      }
      chart.addSeries(curve.name(), x, y).setMarker(SeriesMarkers.CIRCLE);
    }
    return chart;
  }
}
