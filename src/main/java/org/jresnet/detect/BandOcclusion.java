package org.jresnet.detect;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.data.RgbImage;
import org.jresnet.metrics.CosineTransform;

/**
 * Removes one band of spatial frequencies at a time from an image.
 *
 * <p>Frequencies are radial, in cycles per pixel: 0.5 is the finest that one direction holds.
 * Neighbouring bands overlap by half a cosine, so that their masks add up to 1 everywhere and none
 * has an edge that would ring. The mean colour belongs to no band. The image is continued by its
 * mirror images ({@link CosineTransform}), so that its borders are no frequency.
 */
public final class BandOcclusion {
  /** Bands that the frequencies up to 0.5 are divided into. */
  public static final int BANDS = 8;

  /** The finest frequency of one direction. */
  private static final double FINEST = 0.5;

  /** Of a diagonal. */
  private static final double CORNER = FINEST * Math.sqrt(2);

  private static final double STEP = FINEST / BANDS;

  /**
   * A band, between the frequencies where its mask has half its height.
   *
   * @param from in cycles per pixel
   * @param to in cycles per pixel; that of the last band is the corner of the spectrum
   */
  public record Band(double from, double to) {}

  private final int height;
  private final int width;
  private final CosineTransform transform;

  /** For images of that size. */
  public BandOcclusion(int height, int width) {
    this.height = height;
    this.width = width;
    transform = new CosineTransform(height, width);
  }

  /** The bands, from coarse to fine. */
  public static List<Band> bands() {
    List<Band> bands = new ArrayList<>();
    for (int b = 0; b < BANDS; b++) {
      bands.add(new Band(b * STEP, b == BANDS - 1 ? CORNER : (b + 1) * STEP));
    }
    return bands;
  }

  /** Share of a frequency that belongs to a band. */
  static double mask(int band, double frequency) {
    double centre = (band + 0.5) * STEP;
    boolean beyond = band == 0 && frequency <= centre || band == BANDS - 1 && frequency >= centre;
    double off = Math.min(1, Math.abs(frequency - centre) / STEP);
    return beyond ? 1 : (1 + Math.cos(Math.PI * off)) / 2;
  }

  /** The image without each of the {@link #bands}, rounded and clamped to bytes. */
  public List<RgbImage> without(RgbImage image) {
    List<byte[]> pixels = new ArrayList<>();
    for (int b = 0; b < BANDS; b++) {
      pixels.add(new byte[image.rgb().length]);
    }
    double[] plane = new double[height * width];
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < plane.length; i++) {
        plane[i] = image.rgb()[3 * i + c] & 255;
      }
      double[] all = transform.forward(plane);
      for (int b = 0; b < BANDS; b++) {
        double[] rest = transform.inverse(without(b, all));
        for (int i = 0; i < rest.length; i++) {
          pixels.get(b)[3 * i + c] = (byte) Math.max(0, Math.min(255, Math.round(rest[i])));
        }
      }
    }
    return pixels.stream().map(p -> new RgbImage(width, height, p)).toList();
  }

  private double[] without(int band, double[] coefficients) {
    double[] rest = coefficients.clone();
    for (int u = 0; u < height; u++) {
      for (int v = u == 0 ? 1 : 0; v < width; v++) {
        double frequency = Math.hypot(u / (2.0 * height), v / (2.0 * width));
        rest[u * width + v] *= 1 - mask(band, frequency);
      }
    }
    return rest;
  }
}
