package org.jresnet.bench;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jresnet.bench.Profile.Line;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The calls of a profile under the machine's two roofs. */
public final class RooflineChart {
  private static final int WIDTH = 960;
  private static final int HEIGHT = 600;
  private static final double LEAST_INTENSITY = 1;
  private static final double LARGEST_INTENSITY = 4096;

  private RooflineChart() {}

  /** GFLOP/s over FLOP per byte, both logarithmic, one mark per call that counts FLOPs. */
  public static BufferedImage draw(String title, Profile profile, Ceilings ceilings) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("FLOP per byte")
            .yAxisTitle("GFLOP/s")
            .build();
    chart.getStyler().setXAxisLogarithmic(true).setYAxisLogarithmic(true);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setLegendPosition(LegendPosition.InsideSE);
    double ridge = ceilings.flopsPerSecond() / ceilings.bytesPerSecond();
    double peak = ceilings.flopsPerSecond() / 1e9;
    double slope = ceilings.bytesPerSecond() / 1e9;
    XYSeries roof =
        chart.addSeries(
            String.format(Locale.ROOT, "roof: %.0f GFLOP/s, %.1f GB/s", peak, slope),
            new double[] {LEAST_INTENSITY, ridge, LARGEST_INTENSITY},
            new double[] {LEAST_INTENSITY * slope, peak, peak});
    roof.setMarker(SeriesMarkers.NONE);
    Map<String, List<Line>> byOperation =
        profile.lines().stream()
            .filter(line -> line.flops() > 0)
            .collect(
                Collectors.groupingBy(Line::operation, LinkedHashMap::new, Collectors.toList()));
    byOperation.forEach(
        (operation, lines) -> {
          XYSeries series =
              chart.addSeries(
                  operation,
                  lines.stream().mapToDouble(l -> (double) l.flops() / l.bytes()).toArray(),
                  lines.stream().mapToDouble(l -> l.flopsPerSecond() / 1e9).toArray());
          series.setXYSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
        });
    return BitmapEncoder.getBufferedImage(chart);
  }
}
