package org.jresnet.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jresnet.graph.UserError;

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
 */
public record ModelInfo(
    String architecture,
    String variant,
    int width,
    List<String> classes,
    int size,
    String resize,
    List<Float> mean,
    List<Float> std) {
  private static final String PREFIX = "jresnet.";
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Copies the lists. */
  public ModelInfo {
    classes = List.copyOf(classes);
    mean = List.copyOf(mean);
    std = List.copyOf(std);
  }

  /** As texts for a file's metadata. */
  public Map<String, String> toMetadata() {
    Map<String, String> m = new LinkedHashMap<>();
    m.put("format", "pt");
    m.put(PREFIX + "format", "1");
    m.put(PREFIX + "architecture", architecture);
    m.put(PREFIX + "variant", variant);
    m.put(PREFIX + "width", Integer.toString(width));
    try {
      m.put(PREFIX + "classes", JSON.writeValueAsString(classes));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
    m.put(PREFIX + "size", Integer.toString(size));
    m.put(PREFIX + "resize", resize);
    m.put(PREFIX + "mean", join(mean));
    m.put(PREFIX + "std", join(std));
    return m;
  }

  private static String join(List<Float> values) {
    return values.stream().map(String::valueOf).collect(Collectors.joining(","));
  }

  /** What a file's metadata say; empty when jresnet did not write them. */
  public static Optional<ModelInfo> of(Map<String, String> m) {
    if (!m.containsKey(PREFIX + "architecture")) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new ModelInfo(
              m.get(PREFIX + "architecture"),
              m.get(PREFIX + "variant"),
              Integer.parseInt(m.get(PREFIX + "width")),
              List.of(JSON.readValue(m.get(PREFIX + "classes"), String[].class)),
              Integer.parseInt(m.get(PREFIX + "size")),
              m.get(PREFIX + "resize"),
              split(m.get(PREFIX + "mean")),
              split(m.get(PREFIX + "std"))));
    } catch (JsonProcessingException | RuntimeException e) {
      throw new UserError("the file's jresnet metadata are damaged: " + m, e);
    }
  }

  private static List<Float> split(String text) {
    return Arrays.stream(text.split(",")).map(Float::valueOf).toList();
  }
}
