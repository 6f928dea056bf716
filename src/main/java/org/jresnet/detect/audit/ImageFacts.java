package org.jresnet.detect.audit;

import java.util.List;
import org.jresnet.data.ImageInfo;
import org.jresnet.metrics.PerceptualHash;

/**
 * What is kept of an image that was read: about 3 KB.
 *
 * @param info what its head says
 * @param contentHash SHA-256 of the file
 * @param pixelHash the same for images with the same pixels; others share one with a chance of one
 *     in 2^64
 * @param hashes what it looks like after each of {@link Fields#CUTS}, the first of which cuts
 *     nothing; empty for an image without contrast
 * @param fields mean brightness of 32x32 {@link Fields} of the whole image
 * @param spectrum {@link org.jresnet.metrics.RadialSpectrum} of its middle; empty for an image that
 *     is too small
 * @param pixels low-order statistics
 * @param doubled what its JPEG coefficients say of an earlier compression
 */
record ImageFacts(
    ImageInfo info,
    String contentHash,
    long pixelHash,
    List<PerceptualHash> hashes,
    byte[] fields,
    float[] spectrum,
    PixelStatistics pixels,
    Doubled doubled) {
  /**
   * Low-order statistics of the pixels: no face is needed to differ in them.
   *
   * @param brightness mean of the luma, 0 to 255
   * @param contrast its standard deviation
   * @param saturated share of pixels with a channel at 0 or 255
   * @param noise standard deviation of the noise, by Immerkaer (1996), Fast noise variance
   *     estimation
   * @param chroma mean difference between a pixel's largest and smallest channel
   */
  record PixelStatistics(
      double brightness, double contrast, double saturated, double noise, double chroma) {}

  /**
   * Traces of an earlier JPEG compression in the same grid of blocks.
   *
   * @param tested whether there was enough to see any
   * @param quality that of the earlier compression as libjpeg counts, 0 if none was found
   * @param evidence natural logarithm of how much likelier it is than one compression
   */
  record Doubled(boolean tested, int quality, double evidence) {
    /** For images that are no JPEGs, or have too few coefficients. */
    static final Doubled UNTESTED = new Doubled(false, 0, 0);
  }
}
