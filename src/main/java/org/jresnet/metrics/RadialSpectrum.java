package org.jresnet.metrics;

import java.util.Arrays;

/**
 * The power spectrum of a square of brightness, averaged over all directions: how strong detail of
 * each size is. The mean is taken away and a Hann window laid over the square first, so that its
 * edges leave no cross in the spectrum. Up-sampling in a generator leaves peaks, or a lack, at the
 * high end (Durall et al. 2020, <a href="https://arxiv.org/abs/2003.01826">arXiv:2003.01826</a>);
 * so do resizing and compression.
 *
 * <p>One object serves one thread.
 */
public final class RadialSpectrum {
  /** Bands from 0 to 0.5 cycles per pixel, equally wide. */
  public static final int BANDS = 32;

  /** Smallest side of a square: in a smaller one a band would hold no frequency. */
  public static final int LEAST_SIDE = 2 * BANDS;

  /** Least power, so that a constant square has a logarithm. */
  private static final double FLOOR = 1e-6;

  private final Fourier fourier;
  private final double[] window;
  private final int[] band;
  private final double[] re;
  private final double[] im;
  private double windowPower;

  /**
   * For squares of that side.
   *
   * @param side a power of two, at least {@value #LEAST_SIDE}
   */
  public RadialSpectrum(int side) {
    if (side < LEAST_SIDE) {
      throw new IllegalArgumentException(
          "the side must be at least " + LEAST_SIDE + ", found " + side);
    }
    fourier = new Fourier(side);
    window = new double[side];
    band = new int[side * side];
    re = new double[side * side];
    im = new double[side * side];
    double sum = 0;
    for (int i = 0; i < side; i++) {
      window[i] = 0.5 - 0.5 * StrictMath.cos(2 * Math.PI * (i + 0.5) / side);
      sum += window[i] * window[i];
    }
    windowPower = sum * sum;
    for (int v = 0; v < side; v++) {
      for (int u = 0; u < side; u++) {
        double radius = Math.hypot(Math.min(v, side - v), Math.min(u, side - u)) / side;
        band[v * side + u] = (int) (radius * 2 * BANDS);
      }
    }
  }

  /** The middle of a band in cycles per pixel. */
  public static double frequency(int band) {
    return (band + 0.5) / (2 * BANDS);
  }

  /**
   * The decadic logarithm of the mean power in each band; white noise of variance 1 has 0
   * everywhere.
   *
   * @param square {@code side·side} values, row by row
   */
  public double[] of(double[] square) {
    int side = fourier.side();
    double mean = Arrays.stream(square).average().orElseThrow();
    for (int i = 0; i < square.length; i++) {
      re[i] = (square[i] - mean) * window[i / side] * window[i % side];
      im[i] = 0;
    }
    fourier.forward(re, im);
    double[] power = new double[BANDS];
    int[] counts = new int[BANDS];
    for (int i = 0; i < square.length; i++) {
      if (band[i] < BANDS) {
        power[band[i]] += re[i] * re[i] + im[i] * im[i];
        counts[band[i]]++;
      }
    }
    for (int b = 0; b < BANDS; b++) {
      power[b] = Math.log10(power[b] / counts[b] / windowPower + FLOOR);
    }
    return power;
  }
}
