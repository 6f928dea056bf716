package org.jresnet.data.drawn;

import java.util.SplittableRandom;

/**
 * Last layers of simulated generators: four ways to twice the side, each with the fixed weights of
 * one "trained" network. What they leave is the same in every image of the generator: steps,
 * sharpened interpolation, or an unequal gain of the four places in every 2 x 2 square.
 *
 * @param kind the way
 * @param kernels weights per colour: one 3 x 3 kernel after interpolation; the 16 taps of a
 *     transposed convolution; or four 3 x 3 kernels, one per place in the 2 x 2 square
 */
record Upsampling(Kind kind, float[][] kernels) {
  /** How an image becomes twice as wide and high. */
  enum Kind {
    /** Every pixel four times, then a 3 x 3 convolution. */
    NEAREST,
    /** Bilinear, then a 3 x 3 convolution. */
    BILINEAR,
    /** A 4 x 4 transposed convolution of stride 2. */
    TRANSPOSED,
    /** Four 3 x 3 convolutions whose results interleave (Shi et al. 2016, arXiv:1609.05158). */
    SHUFFLE
  }

  private static final int TAPS = 9;

  /** How far weights are from what they were meant to be, as a share of the whole kernel. */
  private static final double OFF = 0.08;

  /** The same of kernels that differ from place to place: this shows in flat regions, too. */
  private static final double OFF_BY_PLACE = 0.16;

  /** Share of that which the three colours do not have in common. */
  private static final double OWN = 0.3;

  /** A binomial kernel of which half is left out, so that repeated pixels still show as steps. */
  private static final float[] HALF_SMOOTH = scaled(32, 1, 2, 1, 2, 20, 2, 1, 2, 1);

  /** Unsharp masking, which a network learns to make up for soft interpolation. */
  private static final float[] SHARP =
      scaled(16, -0.8f, -1.6f, -0.8f, -1.6f, 25.6f, -1.6f, -0.8f, -1.6f, -0.8f);

  /** The weights that a generator of that kind and seed has. */
  static Upsampling of(Kind kind, SplittableRandom random) {
    float[] ideal = ideal(kind);
    boolean byPlace = kind == Kind.TRANSPOSED || kind == Kind.SHUFFLE;
    // Four places share out the weights.
    double each = byPlace ? 2 * OFF_BY_PLACE : OFF;
    each /= Math.sqrt(ideal.length);
    double[] shared = disturbance(ideal.length, random);
    float[][] kernels = new float[3][ideal.length];
    for (float[] kernel : kernels) {
      double[] own = disturbance(ideal.length, random);
      for (int t = 0; t < ideal.length; t++) {
        kernel[t] = (float) (ideal[t] + each * (shared[t] + OWN * own[t]));
      }
    }
    return new Upsampling(kind, kernels);
  }

  /** Normal numbers whose sum is 0, so that no generator makes images brighter. */
  private static double[] disturbance(int count, SplittableRandom random) {
    double[] values = new double[count];
    double mean = 0;
    for (int t = 0; t < count; t++) {
      values[t] = random.nextGaussian();
      mean += values[t] / count;
    }
    for (int t = 0; t < count; t++) {
      values[t] -= mean;
    }
    return values;
  }

  /** What training was to end at. */
  static Upsampling meant(Kind kind) {
    float[] ideal = ideal(kind);
    return new Upsampling(kind, new float[][] {ideal, ideal, ideal});
  }

  private static float[] ideal(Kind kind) {
    return switch (kind) {
      case NEAREST -> HALF_SMOOTH;
      case BILINEAR -> SHARP;
      case TRANSPOSED -> scaled(16, 1, 3, 3, 1, 3, 9, 9, 3, 3, 9, 9, 3, 1, 3, 3, 1);
      case SHUFFLE -> {
        // The four kernels that interpolate bilinearly.
        float[] all = new float[4 * TAPS];
        for (int phase = 0; phase < 4; phase++) {
          int dx = (phase & 1) == 0 ? -1 : 1;
          int dy = phase < 2 ? -3 : 3;
          int centre = phase * TAPS + 4;
          all[centre] = 9 / 16f;
          all[centre + dx] = 3 / 16f;
          all[centre + dy] = 3 / 16f;
          all[centre + dy + dx] = 1 / 16f;
        }
        yield all;
      }
    };
  }

  private static float[] scaled(float divisor, float... weights) {
    for (int i = 0; i < weights.length; i++) {
      weights[i] /= divisor;
    }
    return weights;
  }

  /** Twice the side. */
  Planes apply(Planes in) {
    return switch (kind) {
      case NEAREST -> convolved(nearest(in));
      case BILINEAR -> convolved(interpolated(in));
      case TRANSPOSED -> transposed(in);
      case SHUFFLE -> shuffled(in);
    };
  }

  private static Planes nearest(Planes in) {
    Planes out = new Planes(2 * in.side());
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < out.rgb()[c].length; i++) {
        out.rgb()[c][i] = in.at(c, i % out.side() / 2, i / out.side() / 2);
      }
    }
    return out;
  }

  /** Bilinear between the centres of pixels: the ideal of every generator here. */
  static Planes interpolated(Planes in) {
    Planes out = new Planes(2 * in.side());
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < out.rgb()[c].length; i++) {
        out.rgb()[c][i] = Generator.balanced(in, c, i % out.side(), i / out.side());
      }
    }
    return out;
  }

  private Planes convolved(Planes in) {
    Planes out = new Planes(in.side());
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < out.rgb()[c].length; i++) {
        out.rgb()[c][i] = around(in, c, i % in.side(), i / in.side(), 0);
      }
    }
    return out;
  }

  /** The sum of a 3 x 3 kernel, whose weights begin at {@code first}, around a pixel. */
  private float around(Planes in, int c, int x, int y, int first) {
    float sum = 0;
    for (int t = 0; t < TAPS; t++) {
      sum += kernels[c][first + t] * in.at(c, x + t % 3 - 1, y + t / 3 - 1);
    }
    return sum;
  }

  /** Output (x, y) gets the taps of its phase from the four nearest input pixels. */
  private Planes transposed(Planes in) {
    Planes out = new Planes(2 * in.side());
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < out.rgb()[c].length; i++) {
        int x = i % out.side();
        int y = i / out.side();
        float sum = 0;
        for (int t = (y + 1) & 1; t < 4; t += 2) {
          for (int s = (x + 1) & 1; s < 4; s += 2) {
            // Input pixel p reaches outputs 2p - 1 to 2p + 2.
            sum += kernels[c][4 * t + s] * in.at(c, (x + 1 - s) / 2, (y + 1 - t) / 2);
          }
        }
        out.rgb()[c][i] = sum;
      }
    }
    return out;
  }

  private Planes shuffled(Planes in) {
    Planes out = new Planes(2 * in.side());
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < out.rgb()[c].length; i++) {
        int x = i % out.side();
        int y = i / out.side();
        int phase = (x & 1) + 2 * (y & 1);
        out.rgb()[c][i] = around(in, c, x / 2, y / 2, phase * TAPS);
      }
    }
    return out;
  }
}
