package org.jresnet.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jresnet.base.UserError;

/**
 * What the files of each class have in common. Only their heads are read, by several threads; less
 * than a kilobyte is kept of each image.
 */
public final class ClassStatistics {
  /** Values of one property that are named before "others". */
  private static final int MAX_VALUES = 3;

  private final List<String> classes;
  private final List<ImageInfo> infos;
  private final int[] labels;
  private final Map<String, String> unreadable;

  private ClassStatistics(
      List<String> classes, List<ImageInfo> infos, int[] labels, Map<String, String> unreadable) {
    this.classes = List.copyOf(classes);
    this.infos = infos;
    this.labels = labels;
    this.unreadable = unreadable;
  }

  /**
   * Reads the heads of all files. Those that cannot be read are counted, and left out of the rest.
   *
   * @param progress told the number of images done, from several threads, in any order
   * @param stop whether to end with a {@link UserError} instead
   */
  public static ClassStatistics read(
      List<String> classes, List<Sample> samples, IntConsumer progress, BooleanSupplier stop) {
    ImageInfo[] all = new ImageInfo[samples.size()];
    String[] problems = new String[samples.size()];
    AtomicInteger done = new AtomicInteger();
    IntStream.range(0, all.length)
        .parallel()
        .forEach(
            i -> {
              if (stop.getAsBoolean()) {
                return;
              }
              try {
                all[i] = ImageInfo.read(samples.get(i).file());
              } catch (BadImageException e) {
                problems[i] = e.getMessage();
              }
              progress.accept(done.incrementAndGet());
            });
    if (done.get() < all.length) {
      throw new UserError("stopped while the images' heads were read; nothing was trained yet");
    }
    return of(classes, samples, all, problems);
  }

  /**
   * Of heads that have been read.
   *
   * @param all what the head of each sample says, null where it could not be read
   * @param problems then why not
   */
  public static ClassStatistics of(
      List<String> classes, List<Sample> samples, ImageInfo[] all, String[] problems) {
    Map<String, String> unreadable = new TreeMap<>();
    List<ImageInfo> infos = new ArrayList<>();
    int[] labels = new int[all.length];
    for (int i = 0; i < all.length; i++) {
      if (all[i] == null) {
        unreadable.put(samples.get(i).file().toString(), problems[i]);
      } else {
        labels[infos.size()] = samples.get(i).label();
        infos.add(all[i]);
      }
    }
    return new ClassStatistics(classes, infos, Arrays.copyOf(labels, infos.size()), unreadable);
  }

  /** Class names in label order. */
  public List<String> classes() {
    return classes;
  }

  /** The images whose heads could be read. */
  public List<ImageInfo> images() {
    return Collections.unmodifiableList(infos);
  }

  /** The class of each image whose head could be read. */
  public int[] labels() {
    return labels.clone();
  }

  /** Images whose heads could not be read, with the reason. */
  public Map<String, String> unreadable() {
    return Map.copyOf(unreadable);
  }

  /** A property of each image of {@link #labels()}; it must be a number. */
  public double[] numbers(ImageFeature feature) {
    return infos.stream().mapToDouble(feature::number).toArray();
  }

  /** A property of each image of {@link #labels()}, its values numbered as they first appear. */
  public int[] categories(ImageFeature feature) {
    Map<String, Integer> codes = new HashMap<>();
    return infos.stream()
        .mapToInt(info -> codes.computeIfAbsent(feature.category(info), v -> codes.size()))
        .toArray();
  }

  /**
   * The values of a property in a class: smallest, median and largest number, or the most frequent
   * values with their counts.
   *
   * @return such as {@code 120x160}, {@code JPEG (198), PNG (2)}, {@code 0.21 to 0.50, median 0.31}
   */
  public String describe(ImageFeature feature, int label) {
    int[] images = IntStream.range(0, labels.length).filter(i -> labels[i] == label).toArray();
    if (images.length == 0) {
      return "unknown";
    }
    if (feature.isNumber()) {
      double[] sorted =
          Arrays.stream(images).mapToDouble(i -> feature.number(infos.get(i))).sorted().toArray();
      String low = feature.shown(sorted[0]);
      String high = feature.shown(sorted[sorted.length - 1]);
      return low.equals(high)
          ? low
          : low + " to " + high + ", median " + feature.shown(sorted[sorted.length / 2]);
    }
    Map<String, Long> counts =
        Arrays.stream(images)
            .mapToObj(i -> feature.category(infos.get(i)))
            .collect(Collectors.groupingBy(v -> v, TreeMap::new, Collectors.counting()));
    if (counts.size() == 1) {
      return counts.keySet().iterator().next();
    }
    String first =
        counts.entrySet().stream()
            .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
            .limit(MAX_VALUES)
            .map(e -> e.getKey() + " (" + e.getValue() + ")")
            .collect(Collectors.joining(", "));
    int others = counts.size() - MAX_VALUES;
    return others <= 0 ? first : first + ", " + others + (others == 1 ? " other" : " others");
  }
}
