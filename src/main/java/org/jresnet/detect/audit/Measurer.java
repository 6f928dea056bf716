package org.jresnet.detect.audit;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import org.jresnet.data.ImageInfo;
import org.jresnet.data.RgbImage;
import org.jresnet.metrics.PerceptualHash;
import org.jresnet.metrics.RadialSpectrum;

/** Measures decoded images, one after the other; it belongs to one thread at a time. */
final class Measurer {
  /**
   * Largest side of the square that a spectrum is taken of, a power of two: four frequencies fall
   * into the width of each band, and a larger one would take longer than all the rest.
   */
  private static final int LARGEST_SQUARE = 128;

  /** Below this contrast a perceptual hash would compare rounding errors. */
  private static final double FLAT = 2;

  /** Fields that brightness is averaged over before it is cut and hashed. */
  private static final int GRID = 128;

  private final Map<Integer, RadialSpectrum> spectra = new HashMap<>();
  private final JpegHistory history = new JpegHistory();

  /** All that is kept of an image. */
  ImageFacts of(ImageInfo info, RgbImage image, String contentHash) {
    double[] grid = new double[GRID * GRID];
    ImageFacts.PixelStatistics pixels = pixels(image, grid);
    int across = Math.min(GRID, image.width());
    int down = Math.min(GRID, image.height());
    List<PerceptualHash> hashes = new ArrayList<>(Fields.CUTS.length);
    for (double[] cut : Fields.CUTS) {
      hashes.add(PerceptualHash.of(Fields.of(grid, GRID, across, down, cut)));
    }
    return new ImageFacts(
        info,
        contentHash,
        pixelHash(image),
        pixels.contrast() < FLAT ? List.of() : List.copyOf(hashes),
        Fields.bytes(Fields.of(grid, GRID, across, down, Fields.CUTS[0])),
        spectrum(image),
        pixels,
        history.of(info, image));
  }

  /** Luma of ITU-R BT.601 as a byte. */
  static int luma(byte[] rgb, int at) {
    int red = rgb[at] & 255;
    int green = rgb[at + 1] & 255;
    int blue = rgb[at + 2] & 255;
    return (299 * red + 587 * green + 114 * blue + 500) / 1000;
  }

  /** Two checksums with different polynomials and the size, which both run over. */
  private static long pixelHash(RgbImage image) {
    CRC32 one = new CRC32();
    CRC32C other = new CRC32C();
    for (int size : new int[] {image.width(), image.height()}) {
      for (int shift = 0; shift < 32; shift += 8) {
        one.update(size >> shift);
        other.update(size >> shift);
      }
    }
    one.update(image.rgb(), 0, image.rgb().length);
    other.update(image.rgb(), 0, image.rgb().length);
    return one.getValue() << 32 | other.getValue();
  }

  /** Statistics, and the sums of brightness over a grid of as many fields as there are pixels. */
  private static ImageFacts.PixelStatistics pixels(RgbImage image, double[] grid) {
    int width = image.width();
    int height = image.height();
    byte[] rgb = image.rgb();
    int[][] rows = new int[3][width];
    int across = Math.min(GRID, width);
    int down = Math.min(GRID, height);
    int[] counts = new int[grid.length];
    double sum = 0;
    double squares = 0;
    long saturated = 0;
    long chroma = 0;
    double noise = 0;
    for (int y = 0; y < height; y++) {
      int[] row = rows[y % 3];
      int field = (int) ((long) y * down / height) * GRID;
      for (int x = 0, at = y * width * 3; x < width; x++, at += 3) {
        int luma = luma(rgb, at);
        row[x] = luma;
        sum += luma;
        squares += (double) luma * luma;
        int red = rgb[at] & 255;
        int green = rgb[at + 1] & 255;
        int blue = rgb[at + 2] & 255;
        int max = Math.max(red, Math.max(green, blue));
        int min = Math.min(red, Math.min(green, blue));
        saturated += max == 255 || min == 0 ? 1 : 0;
        chroma += max - min;
        int f = field + (int) ((long) x * across / width);
        grid[f] += luma;
        counts[f]++;
      }
      if (y >= 2) {
        noise += laplacian(rows[(y - 2) % 3], rows[(y - 1) % 3], row);
      }
    }
    for (int f = 0; f < grid.length; f++) {
      grid[f] /= Math.max(1, counts[f]);
    }
    double n = (double) width * height;
    double mean = sum / n;
    double inner = (double) Math.max(0, width - 2) * Math.max(0, height - 2);
    return new ImageFacts.PixelStatistics(
        mean,
        Math.sqrt(Math.max(0, squares / n - mean * mean)),
        saturated / n,
        inner == 0 ? 0 : Math.sqrt(Math.PI / 2) * noise / (6 * inner),
        chroma / n);
  }

  /** Sum over a row of the mask 1 −2 1, −2 4 −2, 1 −2 1, which smooth surfaces do not answer. */
  private static double laplacian(int[] above, int[] here, int[] below) {
    long sum = 0;
    for (int x = 1; x + 1 < here.length; x++) {
      int corners = above[x - 1] + above[x + 1] + below[x - 1] + below[x + 1];
      int sides = above[x] + below[x] + here[x - 1] + here[x + 1];
      sum += Math.abs(corners - 2 * sides + 4 * here[x]);
    }
    return sum;
  }

  /** Of the largest square in the middle whose side is a power of two. */
  private float[] spectrum(RgbImage image) {
    int shorter = Math.min(image.width(), image.height());
    int side = Math.min(LARGEST_SQUARE, Integer.highestOneBit(shorter));
    if (side < RadialSpectrum.LEAST_SIDE) {
      return new float[0];
    }
    int left = (image.width() - side) / 2;
    int top = (image.height() - side) / 2;
    double[] square = new double[side * side];
    for (int i = 0; i < square.length; i++) {
      square[i] = luma(image.rgb(), ((top + i / side) * image.width() + left + i % side) * 3);
    }
    double[] bands = spectra.computeIfAbsent(side, RadialSpectrum::new).of(square);
    float[] kept = new float[bands.length];
    for (int b = 0; b < bands.length; b++) {
      kept[b] = (float) bands[b];
    }
    return kept;
  }
}
