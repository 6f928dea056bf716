package org.jresnet.testing;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jresnet.backend.Normalization;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Rewrite;
import org.jresnet.models.Architecture;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;

/**
 * One network case that PyTorch computed: {@code fixtures/network/<case>.safetensors}. Keys are
 * listed at the head of {@code tools/fixtures_network.py}.
 *
 * <p>A quantity is stored whole, or as samples and norm; the assertions take the whole actual
 * tensor and compare what is there. They name the worst element and the command that regenerates
 * the file.
 */
public final class Fixture {
  /** ImageNet's, as the fixtures' images are normalised. */
  public static final Normalization NORMALIZATION =
      new Normalization(List.of(0.485f, 0.456f, 0.406f), List.of(0.229f, 0.224f, 0.225f));

  private static final String FOLDER = "/fixtures/network/";
  private static final String SAMPLES = "/samples";
  private static final String NORM = "/norm";

  private final StateDict dict;
  private final JsonNode facts;

  private Fixture(StateDict dict, JsonNode facts) {
    this.dict = dict;
    this.facts = facts;
  }

  /** Opens a case such as {@code resnet18-w8}. */
  public static Fixture open(String name) {
    String resource = FOLDER + name + ".safetensors";
    URL url = Fixture.class.getResource(resource);
    if (url == null) {
      throw new IllegalArgumentException(
          "no test resource " + resource + "; make it: python tools/fixtures_network.py " + name);
    }
    try {
      StateDict dict = WeightFiles.read(Path.of(url.toURI()));
      return new Fixture(dict, new ObjectMapper().readTree(dict.metadata().get("fixture")));
    } catch (URISyntaxException | JsonProcessingException e) {
      throw new IllegalStateException(resource, e);
    }
  }

  /**
   * What the file says about itself: {@code model}, {@code stem_channels}, {@code classes}, {@code
   * input_nhwc}, {@code seed}, {@code image_seed}, {@code margin}, {@code float32_distance}, {@code
   * bfloat16_distance}, {@code sha256}, {@code torch}, {@code command}.
   */
  public JsonNode facts() {
    return facts;
  }

  /** The network of this case; nothing is dropped, as in PyTorch's there. */
  public Graph graph() {
    Graph whole = published();
    Set<String> drops =
        whole.nodes().stream()
            .filter(n -> n.op().draws())
            .map(Node::name)
            .collect(Collectors.toSet());
    return drops.isEmpty() ? whole : Rewrite.without(whole, drops);
  }

  /** The network of this case with all that the registry's has. */
  public Graph published() {
    return Architecture.of(facts.get("model").asText())
        .graph(facts.get("classes").asInt(), facts.get("stem_channels").asInt());
  }

  /** The weights of this case. */
  public SeededWeights weights() {
    JsonNode filters = facts.get("filters");
    return new SeededWeights(
        facts.get("seed").asLong(),
        filters == null
            ? SeededWeights.Filters.FAN_OUT
            : SeededWeights.Filters.valueOf(filters.asText().toUpperCase(Locale.ROOT)));
  }

  /** Number of images. */
  public int batch() {
    return inputExtent(0);
  }

  /** Height of the images in pixels. */
  public int height() {
    return inputExtent(1);
  }

  /** Width of the images in pixels. */
  public int width() {
    return inputExtent(2);
  }

  private int inputExtent(int i) {
    return facts.get("input_nhwc").get(i).asInt();
  }

  /** The images of this case, NHWC; {@link #NORMALIZATION} makes the network's input of them. */
  public byte[] pixels() {
    return new SeededWeights(facts.get("image_seed").asLong()).pixels(batch(), height(), width());
  }

  /** Parameters whose gradient in training is zero but for rounding, and is not stored. */
  public Set<String> zeroGradients() {
    Set<String> names = new TreeSet<>();
    if (facts.has("zero_gradients")) {
      facts.get("zero_gradients").forEach(name -> names.add(name.asText()));
    }
    return names;
  }

  /** The label of each image. */
  public int[] labels() {
    HostTensor t = tensor("labels");
    int[] labels = new int[t.elements()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = (int) t.data().getLong(i * Long.BYTES);
    }
    return labels;
  }

  /**
   * The last parts of all keys below a prefix: {@code names("train/gradient/")} gives the
   * parameters that have a gradient here, {@code names("eval/activation/")} the nodes; never none,
   * so that no loop over them passes for want of anything to compare.
   */
  public List<String> names(String prefix) {
    List<String> names =
        dict.tensors().keySet().stream()
            .filter(k -> k.startsWith(prefix))
            .map(k -> k.endsWith(SAMPLES) ? k.substring(0, k.length() - SAMPLES.length()) : k)
            .filter(k -> !k.endsWith(NORM) || !dict.tensors().containsKey(stem(k) + SAMPLES))
            .map(k -> k.substring(prefix.length()))
            .distinct()
            .sorted()
            .toList();
    if (names.isEmpty()) {
      throw new IllegalArgumentException(
          facts.get("command").asText() + " made nothing below " + prefix);
    }
    return names;
  }

  private static String stem(String normKey) {
    return normKey.substring(0, normKey.length() - NORM.length());
  }

  /** A whole tensor. */
  public float[] floats(String key) {
    return tensor(key).toFloats();
  }

  /** A single number. */
  public float scalar(String key) {
    float[] values = floats(key);
    if (values.length != 1) {
      throw new IllegalArgumentException(key + " holds " + values.length + " values, not one");
    }
    return values[0];
  }

  /** A single integer. */
  public long integer(String key) {
    return tensor(key).toLong();
  }

  private HostTensor tensor(String key) {
    HostTensor t = dict.tensors().get(key);
    if (t == null) {
      throw new IllegalArgumentException(
          facts.get("command").asText() + " made no " + key + " (samples and norm, perhaps)");
    }
    return t;
  }

  /**
   * Asserts |actual - expected| ≤ atol + rtol·|expected| for every stored element, and the norm to
   * rtol where one is stored.
   */
  public void assertElements(String key, float[] actual, double rtol, double atol) {
    Comparison c = compare(key, actual);
    double worst = 0;
    int at = 0;
    for (int i = 0; i < c.expected.length; i++) {
      double off = Math.abs((double) c.actual[i] - c.expected[i]);
      double share = off / (atol + rtol * Math.abs(c.expected[i]));
      // Written so that NaN is the worst of all.
      if (!(share <= worst)) {
        worst = share;
        at = i;
        if (Double.isNaN(share)) {
          break;
        }
      }
    }
    if (!(worst <= 1)) {
      throw failure(key, c, at, "allowed: atol " + atol + " + rtol " + rtol);
    }
    assertNorm(key, c, rtol);
  }

  /**
   * Asserts ‖actual - expected‖ ≤ bound·‖expected‖ over the stored elements, and the norm to the
   * same bound where one is stored.
   */
  public void assertDistance(String key, float[] actual, double bound) {
    Comparison c = compare(key, actual);
    double worst = -1;
    int at = 0;
    for (int i = 0; i < c.expected.length; i++) {
      double off = Math.abs((double) c.actual[i] - c.expected[i]);
      if (!(off <= worst) && !Double.isNaN(worst)) {
        worst = off;
        at = i;
      }
    }
    double distance = distance(c);
    if (!(distance <= bound)) {
      throw failure(key, c, at, "distance " + distance + " of the norm, allowed " + bound);
    }
    assertNorm(key, c, bound);
  }

  /** ‖actual - expected‖ / ‖expected‖ over the stored elements. */
  public double distance(String key, float[] actual) {
    return distance(compare(key, actual));
  }

  private static double distance(Comparison c) {
    double error = 0;
    double size = 0;
    for (int i = 0; i < c.expected.length; i++) {
      double off = (double) c.actual[i] - c.expected[i];
      error += off * off;
      size += (double) c.expected[i] * c.expected[i];
    }
    return Math.sqrt(error) / Math.sqrt(size);
  }

  /** The same of PyTorch's own computation in bfloat16, over the whole tensor. */
  public double bfloat16Distance(String key) {
    JsonNode distance = facts.get("bfloat16_distance").get(key);
    if (distance == null) {
      throw new IllegalArgumentException(
          facts.get("command").asText() + " made no bfloat16 distance of " + key);
    }
    return distance.asDouble();
  }

  /** What is stored of a quantity beside the same elements of the actual tensor. */
  private record Comparison(
      float[] expected, float[] actual, int[] indices, float expectedNorm, double actualNorm) {}

  private Comparison compare(String key, float[] actual) {
    if (dict.tensors().containsKey(key)) {
      float[] expected = floats(key);
      if (expected.length != actual.length) {
        throw new AssertionError(
            key + ": expected " + expected.length + " elements, found " + actual.length);
      }
      int[] all = new int[actual.length];
      Arrays.setAll(all, i -> i);
      return new Comparison(expected, actual, all, Float.NaN, Double.NaN);
    }
    float[] expected = floats(key + SAMPLES);
    String name = key.substring(key.lastIndexOf('/') + 1);
    int[] indices = SeededWeights.sampleIndices(name, actual.length, expected.length);
    float[] picked = new float[expected.length];
    for (int j = 0; j < picked.length; j++) {
      picked[j] = actual[indices[j]];
    }
    double squares = 0;
    for (float a : actual) {
      squares += (double) a * a;
    }
    return new Comparison(expected, picked, indices, scalar(key + NORM), Math.sqrt(squares));
  }

  private void assertNorm(String key, Comparison c, double bound) {
    boolean stored = !Float.isNaN(c.expectedNorm);
    if (stored && !(Math.abs(c.actualNorm - c.expectedNorm) <= bound * c.expectedNorm)) {
      throw new AssertionError(
          String.format(
              Locale.ROOT,
              "%s %s: norm expected %.9g, found %.9g, allowed relative difference %g. %s",
              facts.get("model").asText(),
              key,
              c.expectedNorm,
              c.actualNorm,
              bound,
              regenerate()));
    }
  }

  private AssertionError failure(String key, Comparison c, int at, String bound) {
    return new AssertionError(
        String.format(
            Locale.ROOT,
            "%s %s: worst at element %d: expected %.9g, found %.9g; %s. %s",
            facts.get("model").asText(),
            key,
            c.indices[at],
            c.expected[at],
            c.actual[at],
            bound,
            regenerate()));
  }

  private String regenerate() {
    return "Fixture made by: " + facts.get("command").asText();
  }
}
