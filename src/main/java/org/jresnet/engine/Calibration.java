package org.jresnet.engine;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jresnet.backend.Normalization;
import org.jresnet.base.UserError;
import org.jresnet.graph.Node;

/**
 * Measures the ranges that an int8 network needs: a histogram of magnitudes per tensor over some
 * images, and the range whose rounding and clipping errors together are the smallest in the mean
 * square.
 */
public final class Calibration implements AutoCloseable {
  private static final int BINS = 2048;
  // A range below a 16th of the largest magnitude would clip what no network calls an outlier.
  private static final int LEAST = BINS / 16;
  private static final int STEP = 8;

  private final CompileOptions untapped;
  private final Executable executable;
  private final Map<String, Histogram> histograms = new LinkedHashMap<>();

  /** Compiles the model, in a floating-point precision, with a tap at every tensor. */
  public Calibration(Model model, int batch, int size, Normalization normalization) {
    CompileOptions options = CompileOptions.inference(batch, size, normalization);
    untapped = options;
    Set<String> taps = new TreeSet<>();
    for (Node node :
        Fusion.ranged(Fusion.simplified(model.graph(), options), options, model.precision())) {
      taps.add(node.name());
      histograms.put(node.name(), new Histogram());
    }
    executable = Executable.compile(model, options.withTaps(taps));
  }

  /**
   * Refuses a network that int8 cannot compute, before anything is measured. Its ranges can be
   * measured all the same, for a file that another program computes.
   *
   * @throws UserError naming the first node in the way
   */
  public void requireInt8() {
    Model model = executable.model();
    Fusion.int8Refusal(Fusion.simplified(model.graph(), untapped), untapped, model.precision())
        .ifPresent(
            why -> {
              throw new UserError(
                  "%s cannot be quantized: %s; use fp32 or bf16"
                      .formatted(model.graph().name(), why));
            });
  }

  /**
   * Takes a batch into account.
   *
   * @param pixels RGB bytes of whole images
   * @param count images that count; the rest of the batch is padding
   */
  public void add(byte[] pixels, int count) {
    executable.infer(pixels);
    histograms.forEach(
        (node, histogram) -> {
          float[] values = executable.tap(node);
          histogram.add(values, values.length / executable.options().batch() * count);
        });
  }

  /** The ranges by node. */
  public Map<String, Float> ranges() {
    Map<String, Float> ranges = new LinkedHashMap<>();
    histograms.forEach((node, histogram) -> ranges.put(node, histogram.range(levels(node))));
    return ranges;
  }

  private int levels(String node) {
    return executable.model().graph().node(node).op().nonNegative() ? 255 : 127;
  }

  @Override
  public void close() {
    executable.close();
  }

  /** Counts of magnitudes; the width of a bin doubles when a greater one comes. */
  static final class Histogram {
    private final long[] counts = new long[BINS];
    private float width;

    void add(float[] values, int count) {
      float largest = 0;
      for (int i = 0; i < count; i++) {
        largest = Math.max(largest, Math.abs(values[i]));
      }
      if (!(largest < Float.POSITIVE_INFINITY)) {
        throw new UserError(
            "a calibration image gives values that are not finite; the weights are damaged");
      }
      widen(largest);
      for (int i = 0; i < count; i++) {
        float magnitude = Math.abs(values[i]);
        // Zeros are represented exactly by every range.
        if (magnitude > 0) {
          counts[Math.min(BINS - 1, (int) (magnitude / width))]++;
        }
      }
    }

    private void widen(float largest) {
      if (width == 0) {
        width = largest / BINS;
      }
      while (width > 0 && largest > width * BINS) {
        for (int i = 0; i < BINS; i++) {
          counts[i] = i < BINS / 2 ? counts[2 * i] + counts[2 * i + 1] : 0;
        }
        width *= 2;
      }
    }

    /** The range with the least error; 1 for a tensor of zeros. */
    float range(int levels) {
      int best = BINS;
      double least = Double.POSITIVE_INFINITY;
      for (int end = LEAST; end <= BINS; end += STEP) {
        double error = error(end, levels);
        if (error < least) {
          least = error;
          best = end;
        }
      }
      return width == 0 ? 1 : best * width;
    }

    /** Rounding errors are uniform within a step; a clipped value is off by its distance. */
    private double error(int end, int levels) {
      double step = (double) end / levels;
      double inside = 0;
      double error = 0;
      for (int i = 0; i < BINS; i++) {
        if (i < end) {
          inside += counts[i];
        } else {
          double distance = i + 0.5 - end;
          error += counts[i] * distance * distance;
        }
      }
      return error + inside * step * step / 12;
    }
  }
}
