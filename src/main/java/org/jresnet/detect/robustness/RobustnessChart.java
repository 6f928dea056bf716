package org.jresnet.detect.robustness;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.jresnet.detect.Figures;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;

/** Draws accuracy and AUC by severity, a line for each kind of degradation. */
final class RobustnessChart {
  private static final int WIDTH = 760;
  private static final int HEIGHT = 460;

  private RobustnessChart() {}

  static BufferedImage draw(List<RobustnessGrid.Cell> cells) {
    boolean two = cells.get(0).figures().scores().isPresent();
    BufferedImage image =
        new BufferedImage(two ? 2 * WIDTH : WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = image.createGraphics();
    try {
      chart("Accuracy", "%", cells, f -> 100 * f.accuracy()).paint(g, WIDTH, HEIGHT);
      if (two) {
        g.translate(WIDTH, 0);
        chart("Area under the ROC curve", "AUC", cells, f -> f.scores().orElseThrow().auc())
            .paint(g, WIDTH, HEIGHT);
      }
    } finally {
      g.dispose();
    }
    return image;
  }

  private static XYChart chart(
      String title,
      String unit,
      List<RobustnessGrid.Cell> cells,
      ToDoubleFunction<Figures> figure) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("severity (0: images as they are)")
            .yAxisTitle(unit)
            .build();
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
    chart.getStyler().setXAxisDecimalPattern("#");
    Map<String, List<RobustnessGrid.Cell>> kinds = new LinkedHashMap<>();
    for (RobustnessGrid.Cell cell : cells.subList(1, cells.size())) {
      kinds.computeIfAbsent(RobustnessFiles.kind(cell), k -> new java.util.ArrayList<>()).add(cell);
    }
    double start = figure.applyAsDouble(cells.get(0).figures());
    kinds.forEach(
        (kind, line) -> {
          double[] x = new double[line.size() + 1];
          double[] y = new double[x.length];
          y[0] = start;
          for (int i = 0; i < line.size(); i++) {
            x[i + 1] = line.get(i).severity();
            y[i + 1] = figure.applyAsDouble(line.get(i).figures());
          }
          chart.addSeries(kind, x, y).setLineStyle(new BasicStroke(2f));
        });
    if (kinds.isEmpty()) {
      chart.addSeries("none", new double[] {0}, new double[] {start});
    }
    return chart;
  }
}
