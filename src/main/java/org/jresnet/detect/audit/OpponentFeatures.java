package org.jresnet.detect.audit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.jresnet.base.Quantile;
import org.jresnet.data.ImageFeature;

/**
 * What the metadata opponent may see of an image. Every number is given as it is and as its squared
 * distance from the median of all images, so that a class in the middle of the other one can be
 * found; of every property out of a list, the most frequent values have a feature each.
 */
final class OpponentFeatures {
  /** Which features. */
  enum Kind {
    /** Size, format, compression, metadata. */
    FILE("file"),
    /** Low-order statistics of the pixels. */
    PIXELS("pixels"),
    /** Both. */
    ALL("all");

    private final String id;

    Kind(String id) {
      this.id = id;
    }

    /** Its name in a report. */
    String id() {
      return id;
    }

    static Kind of(String id) {
      return Arrays.stream(values()).filter(k -> k.id.equals(id)).findFirst().orElseThrow();
    }

    boolean includes(Kind one) {
      return this == ALL || this == one;
    }
  }

  /** Values of one property that get a feature. */
  private static final int MAX_VALUES = 8;

  /** Share of images that a value needs for one. */
  private static final double MIN_SHARE = 0.005;

  private final List<String> names = new ArrayList<>();
  private final List<double[]> columns = new ArrayList<>();
  private final List<ImageFacts> images;

  /** Of these images. */
  OpponentFeatures(List<ImageFacts> images, Kind kind) {
    this.images = images;
    if (kind.includes(Kind.FILE)) {
      number("width", f -> Math.log(f.info().width()));
      number("height", f -> Math.log(f.info().height()));
      number("bytes per pixel", f -> Math.log((double) f.info().bytes() / f.info().pixels()));
      number("compression", f -> f.info().approximateQuality());
      for (ImageFeature feature : ImageFeature.values()) {
        // Sizes and qualities are numbers already.
        if (!feature.isNumber()
            && feature != ImageFeature.SIZE
            && feature != ImageFeature.JPEG_QUALITY) {
          values(feature);
        }
      }
    }
    if (kind.includes(Kind.PIXELS)) {
      for (PixelFeature feature : PixelFeature.values()) {
        number(feature.text(), feature::of);
      }
    }
  }

  private void number(String name, ToDoubleFunction<ImageFacts> value) {
    double[] column = images.stream().mapToDouble(value).toArray();
    double median = Quantile.of(column, 0.5);
    add(name, column);
    add(name, Arrays.stream(column).map(v -> (v - median) * (v - median)).toArray());
  }

  private void values(ImageFeature feature) {
    Map<String, Integer> counts =
        images.stream()
            .collect(
                Collectors.groupingBy(
                    f -> feature.category(f.info()), TreeMap::new, Collectors.summingInt(i -> 1)));
    counts.entrySet().stream()
        .filter(e -> e.getValue() >= MIN_SHARE * images.size() && counts.size() > 1)
        .sorted(Map.Entry.<String, Integer>comparingByValue(Comparator.reverseOrder()))
        .limit(MAX_VALUES)
        .forEach(
            e ->
                add(
                    feature.text() + " " + e.getKey(),
                    images.stream()
                        .mapToDouble(f -> feature.category(f.info()).equals(e.getKey()) ? 1 : 0)
                        .toArray()));
  }

  private void add(String name, double[] column) {
    names.add(name);
    columns.add(column);
  }

  /** Names of the features; a number and its distance from the median share one. */
  List<String> names() {
    return names;
  }

  /** A feature of all images. */
  double[] column(int feature) {
    return columns.get(feature);
  }

  /** All features of each image. */
  double[][] rows() {
    double[][] rows = new double[images.size()][names.size()];
    for (int f = 0; f < names.size(); f++) {
      for (int i = 0; i < rows.length; i++) {
        rows[i][f] = columns.get(f)[i];
      }
    }
    return rows;
  }
}
