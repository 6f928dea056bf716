package org.jresnet.data.drawn;

import java.util.SplittableRandom;

/**
 * Last layers of simulated generators: four ways to twice the side, each with the fixed weights of
 * one "trained" network. All would interpolate bilinearly if training had ended at its ideal; it
 * never does, and what remains is the same in every image of the generator.
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

  /** How far weights are from their ideal, as a share of the whole kernel. */
  private static final double OFF = 0.03;

  /** The weights that a generator of that kind and seed has. */
  static Upsampling of(Kind kind, SplittableRandom random) {
    float[][] kernels = new float[3][];
    for (int c = 0; c < 3; c++) {
      kernels[c] =
          switch (kind) {
            case NEAREST -> disturbed(new float[] {1, 2, 1, 2, 4, 2, 1, 2, 1}, 16, 1, random);
            case BILINEAR -> disturbed(new float[] {0, 0, 0, 0, 1, 0, 0, 0, 0}, 1, 1, random);
            case TRANSPOSED -> {
              float[] taps = new float[16];
              float[] row = {1, 3, 3, 1};
              for (int i = 0; i < 16; i++) {
                taps[i] = row[i / 4] * row[i % 4];
              }
              yield disturbed(taps, 16, 4, random);
            }
            case SHUFFLE -> shuffle(random);
          };
    }
    return new Upsampling(kind, kernels);
  }

  /** Weights divided by {@code scale}, each off by a share of what an output pixel sees of them. */
  private static float[] disturbed(
      float[] ideal, float scale, int outputs, SplittableRandom random) {
    float[] weights = new float[ideal.length];
    double each = OFF / Math.sqrt((double) ideal.length / outputs);
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) (ideal[i] / scale + each * random.nextGaussian());
    }
    return weights;
  }

  /** The four kernels that interpolate bilinearly, and a little more. */
  private static float[] shuffle(SplittableRandom random) {
    float[] all = new float[4 * TAPS];
    for (int phase = 0; phase < 4; phase++) {
      int dx = (phase & 1) == 0 ? -1 : 1;
      int dy = phase < 2 ? -1 : 1;
      float[] ideal = new float[TAPS];
      ideal[4] = 9;
      ideal[4 + dx] = 3;
      ideal[4 + 3 * dy] = 3;
      ideal[4 + 3 * dy + dx] = 1;
      System.arraycopy(disturbed(ideal, 16, 1, random), 0, all, phase * TAPS, TAPS);
    }
    return all;
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
