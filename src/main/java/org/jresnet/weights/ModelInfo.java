package org.jresnet.weights;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jresnet.base.Json;
import org.jresnet.base.UserError;

/**
 * What a weight file says about its network, beside the weights.
 *
 * @param architecture such as {@code resnet50}
 * @param variant such as {@code v1.5}, which shapes do not reveal
 * @param width channels of the stem; 64 in the published networks
 * @param classes class names in the order of the logits
 * @param size side of the input in pixels
 * @param resize {@code stretch} or {@code crop}
 * @param mean of the input normalisation, per channel
 * @param std of the input normalisation, per channel
 * @param scaling side after resizing, side after cropping and interpolation: {@code 256/224
 *     bilinear}, which is that of every file that does not say
 * @param ranges largest magnitude per node, for int8; empty where they were not measured
 * @param calibration what validation says of the probabilities, as JSON; empty where it was not
 *     measured
 */
public record ModelInfo(
    String architecture,
    String variant,
    int width,
    List<String> classes,
    int size,
    String resize,
    List<Float> mean,
    List<Float> std,
    String scaling,
    Map<String, Float> ranges,
    String calibration) {
  private static final String PREFIX = "jresnet.";
  private static final String SCALING = "256/224 bilinear";
  private static final String FORMAT = "1";
  private static final int CHANNELS = 3;
  private static final int MAX_WIDTH = 1 << 20;
  // Pixels are normalised by an affine map whose factors must stay far from float's ends.
  private static final float MAX_MEAN = 1e6f;
  private static final float MIN_STD = 1e-6f;
  private static final float MAX_STD = 1e6f;
  private static final Set<String> RESIZES = Set.of("stretch", "crop");

  /** With the usual scaling, without ranges for int8 and calibration. */
  public ModelInfo(
      String architecture,
      String variant,
      int width,
      List<String> classes,
      int size,
      String resize,
      List<Float> mean,
      List<Float> std) {
    this(architecture, variant, width, classes, size, resize, mean, std, SCALING, Map.of(), "");
  }

  /** Copies the collections and checks every value. */
  public ModelInfo {
    require(!architecture.isBlank(), "architecture", architecture, "a name");
    require(!variant.isBlank(), "variant", variant, "a name");
    require(width > 0 && width <= MAX_WIDTH, "width", width, "between 1 and " + MAX_WIDTH);
    classes = List.copyOf(classes);
    require(!classes.isEmpty(), "classes", classes, "at least one name");
    require(size > 0, "size", size, "at least 1");
    require(RESIZES.contains(resize), "resize", resize, "stretch or crop");
    mean = List.copyOf(mean);
    require(
        mean.size() == CHANNELS && mean.stream().allMatch(v -> Math.abs(v) <= MAX_MEAN),
        "mean",
        mean,
        "%d numbers between -%.0f and %.0f".formatted(CHANNELS, MAX_MEAN, MAX_MEAN));
    std = List.copyOf(std);
    require(
        std.size() == CHANNELS && std.stream().allMatch(v -> v >= MIN_STD && v <= MAX_STD),
        "std",
        std,
        "%d numbers between %s and %s".formatted(CHANNELS, MIN_STD, MAX_STD));
    ranges = Map.copyOf(ranges);
    require(
        ranges.values().stream().allMatch(r -> r > 0 && Float.isFinite(r)),
        "int8",
        ranges,
        "positive numbers");
  }

  /**
   * The same with other names of as many classes; a calibration speaks of the old ones and goes.
   */
  public ModelInfo withClasses(List<String> names) {
    return new ModelInfo(
        architecture, variant, width, names, size, resize, mean, std, scaling, ranges, "");
  }

  /** The same with ranges for int8. */
  public ModelInfo withRanges(Map<String, Float> measured) {
    return new ModelInfo(
        architecture,
        variant,
        width,
        classes,
        size,
        resize,
        mean,
        std,
        scaling,
        measured,
        calibration);
  }

  /** The same with a calibration. */
  public ModelInfo withCalibration(String measured) {
    return new ModelInfo(
        architecture, variant, width, classes, size, resize, mean, std, scaling, ranges, measured);
  }

  /** The same with another input normalisation. */
  public ModelInfo withNormalization(List<Float> otherMean, List<Float> otherStd) {
    return new ModelInfo(
        architecture,
        variant,
        width,
        classes,
        size,
        resize,
        otherMean,
        otherStd,
        scaling,
        ranges,
        calibration);
  }

  private static void require(boolean good, String key, Object found, String expected) {
    if (!good) {
      throw new IllegalArgumentException(
          key + " is '" + FileBytes.show(found) + "', expected " + expected);
    }
  }

  /** As texts for a file's metadata. */
  public Map<String, String> toMetadata() {
    Map<String, String> m = new LinkedHashMap<>();
    m.put("format", "pt");
    m.put(PREFIX + "format", FORMAT);
    m.put(PREFIX + "architecture", architecture);
    m.put(PREFIX + "variant", variant);
    m.put(PREFIX + "width", Integer.toString(width));
    m.put(PREFIX + "classes", Json.line(classes));
    m.put(PREFIX + "size", Integer.toString(size));
    m.put(PREFIX + "resize", resize);
    m.put(PREFIX + "mean", join(mean));
    m.put(PREFIX + "std", join(std));
    if (!scaling.equals(SCALING)) {
      m.put(PREFIX + "scaling", scaling);
    }
    if (!ranges.isEmpty()) {
      m.put(PREFIX + "int8", Json.line(new TreeMap<>(ranges)));
    }
    if (!calibration.isEmpty()) {
      m.put(PREFIX + "calibration", calibration);
    }
    return m;
  }

  private static String join(List<Float> values) {
    return values.stream().map(String::valueOf).collect(Collectors.joining(","));
  }

  /**
   * What a file's metadata say; empty when jresnet did not write them.
   *
   * @throws UserError naming the key that is missing, damaged or from a newer jresnet
   */
  public static Optional<ModelInfo> of(Map<String, String> m) {
    if (!m.containsKey(PREFIX + "architecture")) {
      return Optional.empty();
    }
    String format = value(m, "format");
    if (!format.equals(FORMAT)) {
      throw new UserError(
          "the metadata have jresnet's format "
              + FileBytes.show(format)
              + ", this version knows "
              + FORMAT
              + "; use the jresnet that wrote the file, or a newer one");
    }
    try {
      return Optional.of(
          new ModelInfo(
              value(m, "architecture"),
              value(m, "variant"),
              number(m, "width"),
              Json.parseList(PREFIX + "classes", value(m, "classes"), String.class),
              number(m, "size"),
              value(m, "resize"),
              floats(m, "mean"),
              floats(m, "std"),
              m.getOrDefault(PREFIX + "scaling", SCALING),
              Json.parseMap(PREFIX + "int8", m.getOrDefault(PREFIX + "int8", "{}"), Float.class),
              m.getOrDefault(PREFIX + "calibration", "")));
    } catch (IllegalArgumentException e) {
      throw new UserError("the metadata of jresnet are damaged: " + e.getMessage(), e);
    }
  }

  private static String value(Map<String, String> m, String key) {
    String value = m.get(PREFIX + key);
    if (value == null) {
      throw new UserError("the metadata of jresnet are damaged: " + PREFIX + key + " is missing");
    }
    return value;
  }

  private static int number(Map<String, String> m, String key) {
    String text = value(m, key);
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          key + " is '" + FileBytes.show(text) + "', expected a number", e);
    }
  }

  private static List<Float> floats(Map<String, String> m, String key) {
    String text = value(m, key);
    try {
      return Arrays.stream(text.split(",")).map(Float::valueOf).toList();
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          key + " is '" + FileBytes.show(text) + "', expected numbers with commas", e);
    }
  }
}
