package org.jresnet.models;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;

/**
 * A network that is built by name. This registry is all that the rest of jresnet knows about
 * families of networks: a new one is a builder and a line in {@link #all}.
 *
 * @param id torchvision's name, which users write: {@code resnet50}; with what is different where
 *     it is not the published network: {@code resnet50:shortcut=A}
 * @param variant version of the architecture, which weight shapes do not reveal: {@code v1.5}
 * @param width channels of the published network's stem: the first extent of its first parameter
 * @param preprocessing how images become the input of the published weights
 * @param parameterCount trainable values of the published network, with 1000 classes
 * @param builder makes the graph
 */
public record Architecture(
    String id,
    String variant,
    int width,
    Preprocessing preprocessing,
    long parameterCount,
    Builder builder) {
  /** What is built where nobody names a network. */
  public static final String DEFAULT = "resnet50";

  /** Number of classes of the published weights, those of ImageNet. */
  public static final int PUBLISHED_CLASSES = 1000;

  private static final List<Architecture> ALL =
      Stream.of(
              ResNet.family(),
              MobileNetV2.family(),
              MobileNetV3.family(),
              ShuffleNetV2.family(),
              EfficientNet.family(),
              RegNet.family())
          .flatMap(List::stream)
          .toList();

  /** Makes the graph of a network. */
  @FunctionalInterface
  public interface Builder {
    /**
     * The network for RGB images.
     *
     * @param name of the graph
     * @param classes number of logits
     * @param width channels of the stem
     * @throws UserError when a layer would have no channels
     */
    Graph build(String name, int classes, int width);

    /**
     * The same network with blocks of another form.
     *
     * @param id the name as it was given
     * @param options what follows its colon
     * @throws UserError saying which options there are
     */
    default Builder varied(String id, String options) {
      throw new UserError(
          "'%s': only ResNets, Wide ResNets and ResNeXts have other forms".formatted(id));
    }

    /** What makes this form from the published one, as {@link #varied} takes it. */
    default String options() {
      return "";
    }
  }

  /** Every network, each family from its smallest to its largest. */
  public static List<Architecture> all() {
    return ALL;
  }

  /** The names of all networks, with commas. */
  public static String names() {
    return ALL.stream().map(Architecture::id).collect(Collectors.joining(", "));
  }

  /**
   * The network called {@code id}, in whatever case. Behind a colon stands what is different from
   * the published network, where its family knows such forms: {@code resnet50:shortcut=A,preact}.
   *
   * @throws UserError listing the known names, or options
   */
  public static Architecture of(String id) {
    String[] parts = id.toLowerCase(Locale.ROOT).split(":", 2);
    Architecture published =
        ALL.stream()
            .filter(a -> a.id.equals(parts[0]))
            .findFirst()
            .orElseThrow(
                () -> new UserError("unknown model '" + id + "'; known models: " + names()));
    return parts.length == 1 ? published : published.varied(id, parts[1]);
  }

  /** Name of the published network that this is, or is a form of. */
  public String published() {
    return id.split(":", 2)[0];
  }

  private Architecture varied(String given, String options) {
    Builder other = builder.varied(given, options);
    if (other.equals(builder)) {
      return this;
    }
    String name = id + ":" + other.options();
    long count = other.build(name, PUBLISHED_CLASSES, width).parameterCount();
    return new Architecture(name, variant, width, preprocessing, count, other);
  }

  /** The published network for RGB images and the given number of classes. */
  public Graph graph(int classes) {
    return graph(classes, width);
  }

  /**
   * The network with another number of channels in the stem and all others in proportion: the same
   * structure at a size that tests and lessons can afford.
   *
   * @throws UserError when a layer would have no channels
   */
  public Graph graph(int classes, int stemChannels) {
    return builder.build(id, classes, stemChannels);
  }

  @Override
  public String toString() {
    return id;
  }
}
