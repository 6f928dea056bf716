package org.jresnet.data.drawn;

import java.util.SplittableRandom;

/**
 * A simulated generator: the image is built up from a quarter of its side by two transposed
 * convolutions of stride 2, each followed by most, not all, of the finer detail, with noise that is
 * smooth because it too was upsampled.
 *
 * <p>The kernel is 4 x 4, (1, 3, 3, 1) in each direction, and each output pixel sees four of its
 * taps. Trained kernels never balance these four phases exactly; here they differ by a few percent,
 * which shows as a checkerboard and as peaks at the highest frequencies of the spectrum.
 */
final class Generator {
  private static final double MIN_IMBALANCE = 0.06;
  private static final double MAX_IMBALANCE = 0.09;
  private static final double MIN_GRAIN = 0.008;
  private static final double MAX_GRAIN = 0.016;

  /** Share of the true detail that each level regains. */
  private static final float[] DETAIL = {0.95f, 0.85f};

  private Generator() {}

  /**
   * Makes the image.
   *
   * @param light the scene at the side of the result
   */
  static Planes imitate(Planes light, SplittableRandom random) {
    double imbalance = between(random, MIN_IMBALANCE, MAX_IMBALANCE);
    double grain = between(random, MIN_GRAIN, MAX_GRAIN);
    Planes half = light.half();
    Planes quarter = half.half();
    Planes middle = upsample(quarter, imbalance, random);
    addDetail(middle, half, quarter, DETAIL[0]);
    for (float[] plane : middle.rgb()) {
      for (int i = 0; i < plane.length; i++) {
        plane[i] += (float) (grain * (0.3 + plane[i]) * random.nextGaussian());
      }
    }
    Planes out = upsample(middle, imbalance, random);
    addDetail(out, light, half, DETAIL[1]);
    return out;
  }

  private static Planes upsample(Planes in, double imbalance, SplittableRandom random) {
    Planes out = new Planes(in.side() * 2);
    for (int c = 0; c < 3; c++) {
      float[] phases = new float[4];
      for (int p = 0; p < 4; p++) {
        int sign = p == 0 || p == 3 ? 1 : -1;
        phases[p] = (float) (1 + sign * imbalance * between(random, 0.8, 1.2));
      }
      for (int y = 0; y < out.side(); y++) {
        for (int x = 0; x < out.side(); x++) {
          out.rgb()[c][y * out.side() + x] = balanced(in, c, x, y) * phases[(x & 1) + 2 * (y & 1)];
        }
      }
    }
    return out;
  }

  /** Pixel (x, y) of the larger image under the balanced kernel, which interpolates bilinearly. */
  static float balanced(Planes in, int c, int x, int y) {
    int x0 = x / 2;
    int y0 = y / 2;
    int x1 = x0 + ((x & 1) == 0 ? -1 : 1);
    int y1 = y0 + ((y & 1) == 0 ? -1 : 1);
    return (9 * in.at(c, x0, y0) + 3 * in.at(c, x1, y0) + 3 * in.at(c, x0, y1) + in.at(c, x1, y1))
        / 16;
  }

  /** Adds the share of what {@code fine} knows beyond {@code coarse}. */
  private static void addDetail(Planes base, Planes fine, Planes coarse, float share) {
    for (int c = 0; c < 3; c++) {
      for (int y = 0; y < base.side(); y++) {
        for (int x = 0; x < base.side(); x++) {
          base.rgb()[c][y * base.side() + x] +=
              share * (fine.at(c, x, y) - balanced(coarse, c, x, y));
        }
      }
    }
  }

  private static double between(SplittableRandom random, double low, double high) {
    return low + (high - low) * random.nextDouble();
  }
}
