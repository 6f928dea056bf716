package org.jresnet.inspect.lab;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jresnet.base.Text;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws panels below each other. */
final class Drawing {
  private static final int WIDTH = 820;
  private static final int HEIGHT = 360;

  /** More points than these lie so close that marks hide the line. */
  private static final int MOST_MARKS = 30;

  private Drawing() {}

  static BufferedImage draw(List<Panel> panels) {
    int height = panels.stream().mapToInt(Drawing::height).sum();
    BufferedImage image = new BufferedImage(WIDTH, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = image.createGraphics();
    try {
      for (Panel panel : panels) {
        chart(panel).paint(g, WIDTH, height(panel));
        g.translate(0, height(panel));
      }
    } finally {
      g.dispose();
    }
    return image;
  }

  private static int height(Panel panel) {
    return panel instanceof Panel.Heat ? 2 * HEIGHT : HEIGHT;
  }

  private static Chart<?, ?> chart(Panel panel) {
    if (panel instanceof Panel.Lines lines) {
      return lines(lines);
    } else if (panel instanceof Panel.Bars bars) {
      return bars(bars);
    }
    return heat((Panel.Heat) panel);
  }

  private static XYChart lines(Panel.Lines panel) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(panel.title())
            .xAxisTitle(panel.x())
            .yAxisTitle(panel.y())
            .build();
    style(chart.getStyler(), panel.series().size());
    chart.getStyler().setYAxisDecimalPattern("0.####");
    for (Panel.Series s : panel.series()) {
      var drawn = chart.addSeries(Text.visible(s.name()), s.x(), s.y());
      drawn.setLineStyle(new BasicStroke(2f));
      drawn.setMarker(s.x().length > MOST_MARKS ? SeriesMarkers.NONE : SeriesMarkers.CIRCLE);
    }
    return chart;
  }

  private static CategoryChart bars(Panel.Bars panel) {
    CategoryChart chart =
        new CategoryChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(panel.title())
            .yAxisTitle(panel.y())
            .build();
    style(chart.getStyler(), panel.series().size());
    chart.getStyler().setXAxisLabelRotation(45);
    chart.getStyler().setYAxisDecimalPattern("0.####");
    chart.getStyler().setAvailableSpaceFill(0.9);
    List<String> names = panel.names().stream().map(Text::visible).toList();
    for (Panel.Series s : panel.series()) {
      chart.addSeries(Text.visible(s.name()), names, Arrays.stream(s.y()).boxed().toList());
    }
    return chart;
  }

  private static HeatMapChart heat(Panel.Heat panel) {
    HeatMapChart chart =
        new HeatMapChartBuilder().width(WIDTH).height(2 * HEIGHT).title(panel.title()).build();
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setMin(0);
    chart.getStyler().setMax(1);
    chart.getStyler().setXAxisLabelRotation(45);
    List<Number[]> cells = new ArrayList<>();
    for (int i = 0; i < panel.values().length; i++) {
      for (int j = 0; j < panel.values().length; j++) {
        cells.add(new Number[] {i, j, panel.values()[i][j]});
      }
    }
    List<String> names = panel.names().stream().map(Text::visible).toList();
    chart.addSeries("similarity", names, names, cells);
    return chart;
  }

  private static void style(Styler styler, int series) {
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setLegendVisible(series > 1);
    styler.setLegendPosition(LegendPosition.OutsideE);
  }
}
