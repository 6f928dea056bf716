package org.jresnet.testing;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;

/**
 * Weights and images that follow from their names, to the bit as {@code tools/fixtures_network.py}
 * makes them; the formula stands at the head of that file.
 *
 * @param seed mixed into every value
 * @param filters what the deviation of filters follows from
 */
public record SeededWeights(long seed, Filters filters) {
  /** What the deviation of filters follows from. */
  public enum Filters {
    /** The number of filters, as in a ResNet's initialisation. */
    FAN_OUT,
    /** What a filter sees, so that depthwise convolutions keep the size of activations. */
    FAN_IN
  }

  /** What every batch norm has seen before the fixtures' first step. */
  public static final long BATCHES_TRACKED = 7;

  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  /** With ResNet's filters. */
  public SeededWeights(long seed) {
    this(seed, Filters.FAN_OUT);
  }

  /** All parameters and running statistics by name; {@code num_batches_tracked} is left out. */
  public Map<String, float[]> of(Graph graph) {
    Map<String, float[]> values = new LinkedHashMap<>();
    boolean projects = false;
    for (Node node : graph.nodes()) {
      List<Parameter> parameters = node.parameters();
      for (Parameter p : parameters) {
        if (p.role() == Parameter.Role.CONV_WEIGHT) {
          projects = filters == Filters.FAN_IN && p.shape().get(0) < p.shape().get(1);
        }
        if (p.role() != Parameter.Role.BATCHES_TRACKED) {
          float[] v = values(p, parameters.get(0).shape());
          boolean damped = projects && p.role() == Parameter.Role.NORM_WEIGHT;
          affine(v, 0, damped ? 0.5f : 1);
          values.put(p.name(), v);
        }
      }
    }
    return values;
  }

  /** Sets all of a model's parameters, running statistics and counts. */
  public void into(Model model) {
    of(model.graph()).forEach(model::set);
    for (Parameter p : model.graph().parameters()) {
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        model.setBatchesTracked(p.name(), BATCHES_TRACKED);
      }
    }
  }

  /** A batch of images, NHWC with three channels. */
  public byte[] pixels(int n, int h, int w) {
    long start = start("pixels");
    byte[] pixels = new byte[n * h * w * 3];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (splitmix64(start + i) >>> 56);
    }
    return pixels;
  }

  /** Which elements of a tensor the fixtures keep when they do not keep all. */
  public static int[] sampleIndices(String name, int elements, int count) {
    long start = fnv1a64(name + "#samples");
    int[] indices = new int[count];
    for (int j = 0; j < count; j++) {
      indices[j] = (int) Long.remainderUnsigned(splitmix64(start + j), elements);
    }
    return indices;
  }

  /**
   * @param weight shape of the node's first parameter
   */
  private float[] values(Parameter p, List<Integer> weight) {
    float[] v = units(p.name(), p.elements());
    switch (p.role()) {
      case CONV_WEIGHT, CONV_TRANSPOSE_WEIGHT -> {
        int fan = weight.get(filters == Filters.FAN_IN ? 1 : 0);
        double filter = weight.get(2) * weight.get(3) * fan;
        affine(v, 0, (float) (Math.sqrt(12) * Math.sqrt(2 / filter)));
      }
      case NORM_WEIGHT -> {
        affine(v, 1, 0.5f);
        affine(v, 0, p.name().endsWith("bn3.weight") ? 0.25f : 1);
      }
      case CONV_BIAS, NORM_BIAS, RUNNING_MEAN -> affine(v, 0, 0.2f);
      case RUNNING_VAR -> affine(v, 1, 1);
      case LINEAR_WEIGHT, LINEAR_BIAS -> affine(v, 0, (float) (2 / Math.sqrt(weight.get(1))));
      case BATCHES_TRACKED -> throw new IllegalArgumentException(p.name() + " is a count");
    }
    return v;
  }

  private static void affine(float[] v, float offset, float scale) {
    for (int i = 0; i < v.length; i++) {
      v[i] = offset + scale * v[i];
    }
  }

  /** Values of a tensor before scaling, in [-0.5, 0.5): 24 bits, so that a float holds them. */
  private float[] units(String name, int elements) {
    long start = start(name);
    float[] v = new float[elements];
    for (int i = 0; i < elements; i++) {
      v[i] = (splitmix64(start + i) >>> 40) * 0x1p-24f - 0.5f;
    }
    return v;
  }

  private long start(String name) {
    return fnv1a64(name) + seed * GOLDEN;
  }

  /**
   * Fowler, Noll and Vo's hash, variant 1a (<a href="https://www.rfc-editor.org/rfc/rfc9923">RFC
   * 9923</a>).
   */
  private static long fnv1a64(String text) {
    long h = 0xCBF29CE484222325L;
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      h = (h ^ (b & 0xFF)) * 0x100000001B3L;
    }
    return h;
  }

  /** One output of SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195). */
  private static long splitmix64(long state) {
    long z = state + GOLDEN;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
