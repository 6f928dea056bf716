package org.jresnet.data.drawn;

import java.util.SplittableRandom;

/**
 * A simulated camera, all in linear light: a lens that blurs slightly, a Bayer sensor of twice the
 * image's side with photon and read noise, bilinear demosaicing, white balance, reduction to the
 * image's side, slight sharpening.
 */
final class Camera {
  /** Electrons' share of noise per unit of light at the lowest sensitivity, relative to white. */
  private static final double PHOTON_NOISE = 0.0012;

  private static final double READ_NOISE = 0.005;

  /** Highest sensitivity, as a multiple of the lowest: the noise's variance grows with it. */
  private static final double MAX_GAIN = 6;

  private Camera() {}

  /**
   * Takes the image.
   *
   * @param light the scene at twice the side of the result
   */
  static Planes shoot(Planes light, SplittableRandom random) {
    double gain = Math.exp(Math.log(MAX_GAIN) * random.nextDouble());
    // What the sensor sees of white through its red, green and blue filters.
    float[] filter = {between(random, 0.5, 0.9), 1, between(random, 0.5, 0.9)};
    float[] raw = expose(light, filter, gain, random);
    Planes developed = demosaic(raw, light.side());
    for (int c = 0; c < 3; c += 2) {
      float balance = between(random, 0.98, 1.02) / filter[c];
      float[] plane = developed.rgb()[c];
      for (int i = 0; i < plane.length; i++) {
        plane[i] *= balance;
      }
    }
    return sharpen(developed.half(), between(random, 0.2, 0.6));
  }

  /** The sensor's values: one colour per pixel, red at (even, even), blue at (odd, odd). */
  private static float[] expose(
      Planes light, float[] filter, double gain, SplittableRandom random) {
    int side = light.side();
    double read = READ_NOISE * READ_NOISE * gain;
    double photon = PHOTON_NOISE * gain;
    float[] raw = new float[side * side];
    for (int y = 0; y < side; y++) {
      for (int x = 0; x < side; x++) {
        int c = (x & 1) + (y & 1);
        float signal = filter[c] * light.blurred(c, x, y);
        raw[y * side + x] =
            (float) (signal + Math.sqrt(photon * signal + read) * random.nextGaussian());
      }
    }
    return raw;
  }

  /** Bilinear: each missing colour is the mean of its two or four nearest sensor pixels. */
  private static Planes demosaic(float[] raw, int side) {
    Planes out = new Planes(side);
    for (int y = 0; y < side; y++) {
      // Mirroring at the edge keeps the colours' order.
      int up = (y == 0 ? 1 : y - 1) * side;
      int here = y * side;
      int down = (y == side - 1 ? side - 2 : y + 1) * side;
      for (int x = 0; x < side; x++) {
        int left = x == 0 ? 1 : x - 1;
        int right = x == side - 1 ? side - 2 : x + 1;
        float across = (raw[here + left] + raw[here + right]) / 2;
        float along = (raw[up + x] + raw[down + x]) / 2;
        float own = raw[here + x];
        int c = (x & 1) + (y & 1);
        if (c == 1) {
          boolean redRow = (y & 1) == 0;
          out.rgb()[0][here + x] = redRow ? across : along;
          out.rgb()[1][here + x] = own;
          out.rgb()[2][here + x] = redRow ? along : across;
        } else {
          out.rgb()[c][here + x] = own;
          out.rgb()[1][here + x] = (across + along) / 2;
          out.rgb()[2 - c][here + x] =
              (raw[up + left] + raw[up + right] + raw[down + left] + raw[down + right]) / 4;
        }
      }
    }
    return out;
  }

  /** Adds a share of what a small blur takes away. */
  private static Planes sharpen(Planes in, float amount) {
    Planes out = new Planes(in.side());
    for (int c = 0; c < 3; c++) {
      for (int y = 0; y < in.side(); y++) {
        for (int x = 0; x < in.side(); x++) {
          float value = in.at(c, x, y);
          out.rgb()[c][y * in.side() + x] = value + amount * (value - in.blurred(c, x, y));
        }
      }
    }
    return out;
  }

  private static float between(SplittableRandom random, double low, double high) {
    return (float) (low + (high - low) * random.nextDouble());
  }
}
