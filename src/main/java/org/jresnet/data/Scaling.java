package org.jresnet.data;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jresnet.base.Interpolation;

/**
 * How an image is brought to size. Weights keep the ratio of the network that they belong to, also
 * at another input size.
 *
 * @param resize length of the shorter side, in pixels, before the middle is cut out ...
 * @param crop ... at this size; only the ratio counts
 * @param interpolation of the pixels
 */
public record Scaling(int resize, int crop, Interpolation interpolation) {
  /** torchvision's most common one; that of every run before others were known. */
  public static final Scaling DEFAULT = new Scaling(256, 224, Interpolation.BILINEAR);

  private static final int MAX_SIDE = 1 << 16;
  private static final Pattern TEXT = Pattern.compile("(\\d{1,5})/(\\d{1,5}) (bilinear|bicubic)");

  /** Checks the sides. */
  public Scaling {
    if (crop < 1 || resize < crop || resize > MAX_SIDE) {
      throw new IllegalArgumentException(
          "scaling is resized/cropped with 1 <= cropped <= resized <= %d, found %d/%d"
              .formatted(MAX_SIDE, resize, crop));
    }
  }

  /**
   * What {@link #toString} wrote: {@code 256/224 bilinear}.
   *
   * @throws IllegalArgumentException for anything else
   */
  public static Scaling of(String text) {
    Matcher matcher = TEXT.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "scaling is '%s', expected such as '%s'".formatted(text, DEFAULT));
    }
    return new Scaling(
        Integer.parseInt(matcher.group(1)),
        Integer.parseInt(matcher.group(2)),
        Interpolation.valueOf(matcher.group(3).toUpperCase(Locale.ROOT)));
  }

  /** Length of the shorter side before a square of that size is cut out. */
  int shorterSide(int size) {
    return Math.max(size, Math.round(size * (float) resize / crop));
  }

  @Override
  public String toString() {
    return resize + "/" + crop + " " + interpolation.name().toLowerCase(Locale.ROOT);
  }
}
