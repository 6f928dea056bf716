package org.jresnet.detect.audit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jresnet.data.ImageFeature;
import org.jresnet.data.Split.Part;
import org.jresnet.detect.audit.AuditReport.ClassFacts;
import org.jresnet.detect.audit.AuditReport.DoubleCompression;
import org.jresnet.detect.audit.AuditReport.Spread;
import org.jresnet.metrics.RadialSpectrum;

/** What each class of a set is like. */
final class Summaries {
  private static final int BINS = 20;
  private static final int MAX_VALUES = 20;
  private static final int EXAMPLES = 12;

  private final Readings set;
  private final Map<String, Function<ImageFacts, Double>> numbers = new LinkedHashMap<>();

  /** Smallest and largest number over all classes. */
  private final Map<String, double[]> ranges = new LinkedHashMap<>();

  Summaries(Readings set) {
    this.set = set;
    for (ImageFeature feature : ImageFeature.values()) {
      if (feature.isNumber()) {
        numbers.put(feature.text(), facts -> feature.number(facts.info()));
      }
    }
    numbers.put("JPEG quality", Summaries::quality);
    for (PixelFeature feature : PixelFeature.values()) {
      numbers.put(feature.text(), feature::of);
    }
    numbers.forEach(
        (name, value) -> {
          double[] range = {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
          for (int i : set.readable()) {
            Double v = value.apply(set.facts()[i]);
            if (v != null) {
              range[0] = Math.min(range[0], v);
              range[1] = Math.max(range[1], v);
            }
          }
          ranges.put(name, range);
        });
  }

  private static Double quality(ImageFacts facts) {
    return facts.info().jpegQuality().isPresent()
        ? (double) facts.info().jpegQuality().getAsInt()
        : null;
  }

  /** All classes. */
  List<ClassFacts> classes() {
    List<ClassFacts> all = new ArrayList<>();
    for (int label = 0; label < set.classes().size(); label++) {
      all.add(of(label));
    }
    return all;
  }

  private ClassFacts of(int label) {
    List<Integer> indices = set.readable(label);
    List<ImageFacts> images = indices.stream().map(i -> set.facts()[i]).toList();
    Map<String, Map<String, Integer>> values = new LinkedHashMap<>();
    Map<String, Integer> distinct = new LinkedHashMap<>();
    for (ImageFeature feature : ImageFeature.values()) {
      if (!feature.isNumber()) {
        Map<String, Integer> counts = counts(images, f -> feature.category(f.info()));
        distinct.put(feature.text(), counts.size());
        values.put(feature.text(), mostFrequent(counts));
      }
    }
    Map<String, Spread> spreads = new LinkedHashMap<>();
    numbers.forEach(
        (name, value) -> {
          double[] found =
              images.stream()
                  .map(value)
                  .filter(v -> v != null)
                  .mapToDouble(Double::doubleValue)
                  .sorted()
                  .toArray();
          if (found.length > 0) {
            spreads.put(name, spread(found, ranges.get(name)));
          }
        });
    List<float[]> spectra =
        images.stream().map(ImageFacts::spectrum).filter(s -> s.length > 0).toList();
    List<Double> mean = moments(spectra, List.of());
    return new ClassFacts(
        set.classes().get(label),
        (int) set.samples().stream().filter(s -> s.label() == label).count(),
        parts(label),
        values,
        distinct,
        spreads,
        doubled(images),
        mean,
        moments(spectra, mean),
        spectra.size(),
        examples(indices),
        first(set.unreadable(label)));
  }

  private Map<String, Integer> parts(int label) {
    Map<String, Integer> counts = new LinkedHashMap<>();
    if (!set.parts().isEmpty()) {
      for (Part part : Part.values()) {
        counts.put(
            part.id(),
            (int)
                set.samples().stream()
                    .filter(s -> s.label() == label && set.parts().get(s.id()) == part)
                    .count());
      }
    }
    return counts;
  }

  private static Map<String, Integer> counts(
      List<ImageFacts> images, Function<ImageFacts, String> value) {
    return images.stream()
        .collect(Collectors.groupingBy(value, TreeMap::new, Collectors.summingInt(i -> 1)));
  }

  private static Map<String, Integer> mostFrequent(Map<String, Integer> counts) {
    Map<String, Integer> first = new LinkedHashMap<>();
    counts.entrySet().stream()
        .sorted(Map.Entry.<String, Integer>comparingByValue(Comparator.reverseOrder()))
        .limit(MAX_VALUES)
        .forEach(e -> first.put(e.getKey(), e.getValue()));
    return first;
  }

  private static Spread spread(double[] sorted, double[] range) {
    double mean = Arrays.stream(sorted).average().orElseThrow();
    double variance =
        Arrays.stream(sorted).map(v -> (v - mean) * (v - mean)).average().orElseThrow();
    Integer[] bins = new Integer[BINS];
    Arrays.fill(bins, 0);
    double width = range[1] - range[0];
    for (double v : sorted) {
      bins[width > 0 ? Math.min(BINS - 1, (int) ((v - range[0]) / width * BINS)) : 0]++;
    }
    return new Spread(
        sorted.length,
        sorted[0],
        sorted[sorted.length / 2],
        sorted[sorted.length - 1],
        mean,
        Math.sqrt(variance),
        range[0],
        range[1],
        List.of(bins));
  }

  private static DoubleCompression doubled(List<ImageFacts> images) {
    List<ImageFacts.Doubled> tested =
        images.stream().map(ImageFacts::doubled).filter(ImageFacts.Doubled::tested).toList();
    Map<String, Integer> qualities = new TreeMap<>();
    tested.stream()
        .filter(d -> d.quality() > 0)
        .forEach(d -> qualities.merge(String.valueOf(d.quality()), 1, Integer::sum));
    int found = qualities.values().stream().mapToInt(Integer::intValue).sum();
    return new DoubleCompression(tested.size(), found, qualities);
  }

  /** The mean of each band, or the standard deviation around a mean. */
  private static List<Double> moments(List<float[]> spectra, List<Double> mean) {
    if (spectra.isEmpty()) {
      return List.of();
    }
    List<Double> bands = new ArrayList<>(Collections.nCopies(RadialSpectrum.BANDS, 0.0));
    for (int b = 0; b < RadialSpectrum.BANDS; b++) {
      int band = b;
      double centre = mean.isEmpty() ? 0 : mean.get(b);
      double moment =
          spectra.stream()
              .mapToDouble(s -> mean.isEmpty() ? s[band] : Math.pow(s[band] - centre, 2))
              .average()
              .orElseThrow();
      bands.set(b, mean.isEmpty() ? moment : Math.sqrt(moment));
    }
    return bands;
  }

  private List<String> examples(List<Integer> indices) {
    int count = Math.min(EXAMPLES, indices.size());
    List<String> ids = new ArrayList<>();
    for (int e = 0; e < count; e++) {
      ids.add(set.samples().get(indices.get(e * indices.size() / count)).id());
    }
    return ids;
  }

  private static Map<String, String> first(Map<String, String> reasons) {
    Map<String, String> some = new LinkedHashMap<>();
    reasons.entrySet().stream()
        .limit(AuditReport.MAX_LISTED)
        .forEach(e -> some.put(e.getKey(), e.getValue()));
    return some;
  }
}
