package org.jresnet.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.jresnet.base.Interpolation;
import org.jresnet.base.Named;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * What happens to an image between its source and a detector. One implementation serves the
 * robustness grid of an evaluation and the augmentation of training.
 *
 * @param kind what happens
 * @param level how much, in the unit of the kind
 */
public record Degradation(Kind kind, double level) {
  /** Larger images are not made: an upscaled image is left at that size. */
  private static final double MAX_PIXELS = 100e6;

  private static final double CHAT_SIDE = 1280;
  private static final int SECOND_QUALITY = 85;
  private static final int SCREENSHOT_QUALITY = 92;
  private static final double SCREENSHOT_FRAME = 0.02;

  /** What can happen, and how much of it the grid tries, from mild to strong. */
  public enum Kind implements Named {
    /** JPEG of a quality, 4:2:0. */
    JPEG("jpeg", "quality %.0f", 90, 70, 50, 30),
    /** JPEG of a quality, then JPEG of quality 85 after a shift of the 8×8 grid by four pixels. */
    DOUBLE_JPEG("double-jpeg", "quality %.0f, then 85 on a shifted grid", 90, 70, 50),
    /** Smaller by a factor, bilinear with antialiasing. */
    DOWNSCALE("downscale", "to %.2f of the sides", 0.75, 0.5, 0.25),
    /** Larger by a factor, bicubic. */
    UPSCALE("upscale", "to %.2f of the sides", 1.5, 2, 3),
    /** Gaussian blur of a standard deviation in pixels. */
    BLUR("blur", "sigma %.1f pixels", 0.5, 1, 2),
    /** Gaussian noise of a standard deviation in grey levels, of each channel apart. */
    NOISE("noise", "sigma %.0f of 255", 2, 5, 10),
    /** A part of the image at a random place, with a share of the sides. */
    CROP("crop", "%.2f of the sides", 0.9, 0.75, 0.5),
    /** Pixel values times a factor below 1. */
    DARKER("darker", "times %.2f", 0.8, 0.6, 0.4),
    /** Pixel values times a factor above 1, cut off at 255. */
    BRIGHTER("brighter", "times %.2f", 1.25, 1.6, 2),
    /**
     * As a chat program may send it: the longer side brought down to 1280 pixels where it is
     * longer, then JPEG of a quality. Our own recipe, not measured on any program.
     */
    CHAT("chat", "longer side at most 1280, JPEG %.0f", 80, 65, 50),
    /**
     * As a screenshot shows it: scaled to a share of the sides, bicubic, 2 % cut off at each edge,
     * then JPEG of quality 92. Our own recipe.
     */
    SCREENSHOT("screenshot", "scaled to %.2f, edges cut, JPEG 92", 0.9, 0.7, 0.5);

    private final String id;
    private final String text;
    private final List<Double> levels;

    Kind(String id, String text, double... levels) {
      this.id = id;
      this.text = text;
      this.levels = Arrays.stream(levels).boxed().toList();
    }

    @Override
    public String id() {
      return id;
    }

    /** Levels of the grid, from mild to strong. */
    public List<Double> levels() {
      return levels;
    }
  }

  /** Changes that leave an image what it is to a person, for {@code predict --stability}. */
  public static final List<Degradation> MILD =
      List.of(
          new Degradation(Kind.JPEG, 95),
          new Degradation(Kind.JPEG, 85),
          new Degradation(Kind.JPEG, 75),
          new Degradation(Kind.DOUBLE_JPEG, 90),
          new Degradation(Kind.DOWNSCALE, 0.9),
          new Degradation(Kind.UPSCALE, 1.1),
          new Degradation(Kind.BLUR, 0.4),
          new Degradation(Kind.NOISE, 1),
          new Degradation(Kind.CROP, 0.97),
          new Degradation(Kind.BRIGHTER, 1.05));

  /** Checks the level. */
  public Degradation {
    boolean good =
        switch (kind) {
          case JPEG, DOUBLE_JPEG, CHAT -> level >= 1 && level <= 100;
          case DOWNSCALE, CROP, SCREENSHOT, DARKER -> level > 0 && level <= 1;
          case UPSCALE -> level >= 1 && level <= 8;
          case BLUR -> level > 0 && level <= 100;
          case NOISE -> level >= 0 && level <= 255;
          case BRIGHTER -> level >= 1 && level <= 100;
        };
    if (!good) {
      throw new UserError(Text.format("%s takes no level of %s", kind.id(), level));
    }
  }

  /** All levels of some kinds, kind after kind, from mild to strong. */
  public static List<Degradation> grid(List<Kind> kinds) {
    List<Degradation> grid = new ArrayList<>();
    for (Kind kind : kinds) {
      kind.levels().forEach(level -> grid.add(new Degradation(kind, level)));
    }
    return grid;
  }

  /**
   * Kinds by their names.
   *
   * @throws UserError naming all kinds
   */
  public static List<Kind> kinds(List<String> names) {
    return names.stream()
        .map(
            name ->
                Arrays.stream(Kind.values())
                    .filter(k -> k.id().equals(name))
                    .findFirst()
                    .orElseThrow(
                        () ->
                            new UserError(
                                Text.format(
                                    "there is no degradation '%s'; there are %s",
                                    name,
                                    Arrays.stream(Kind.values())
                                        .map(Kind::id)
                                        .collect(Collectors.joining(", "))))))
        .toList();
  }

  /** Such as {@code quality 70}. */
  public String text() {
    return String.format(java.util.Locale.ROOT, kind.text, level);
  }

  /** Bytes per pixel of the image that {@link #apply} takes beside it, at most. */
  int bytesPerPixel() {
    // An encoder's integers and the decoded copy; or the larger image after each of two passes.
    return kind == Kind.UPSCALE ? (int) Math.ceil(6 * level * level) : 10;
  }

  /**
   * The image as it arrives.
   *
   * @param random decides where a crop lies and what noise is; nothing else does
   */
  public RgbImage apply(RgbImage image, SplittableRandom random) {
    return switch (kind) {
      case JPEG -> Augmentation.recompress(image, (int) level);
      case DOUBLE_JPEG -> doubleJpeg(image);
      case DOWNSCALE -> scaled(image, level, Interpolation.BILINEAR);
      case UPSCALE ->
          scaled(
              image,
              Math.max(1, Math.min(level, Math.sqrt(MAX_PIXELS / pixels(image)))),
              Interpolation.BICUBIC);
      case BLUR -> Augmentation.blur(image, level);
      case NOISE -> noise(image, random);
      case CROP -> crop(image, random);
      case DARKER, BRIGHTER -> brightness(image);
      case CHAT ->
          Augmentation.recompress(
              scaled(
                  image,
                  Math.min(1, CHAT_SIDE / Math.max(image.width(), image.height())),
                  Interpolation.BILINEAR),
              (int) level);
      case SCREENSHOT -> screenshot(image);
    };
  }

  private static double pixels(RgbImage image) {
    return (double) image.width() * image.height();
  }

  private static RgbImage scaled(RgbImage image, double factor, Interpolation interpolation) {
    int width = Math.max(1, (int) Math.rint(image.width() * factor));
    int height = Math.max(1, (int) Math.rint(image.height() * factor));
    return Resize.exactly(image, width, height, interpolation);
  }

  private RgbImage doubleJpeg(RgbImage image) {
    RgbImage once = Augmentation.recompress(image, (int) level);
    int left = Math.min(4, once.width() - 1);
    int top = Math.min(4, once.height() - 1);
    RgbImage shifted = once.crop(left, top, once.width() - left, once.height() - top);
    return Augmentation.recompress(shifted, SECOND_QUALITY);
  }

  private RgbImage noise(RgbImage image, SplittableRandom random) {
    byte[] out = new byte[image.rgb().length];
    for (int i = 0; i < out.length; i++) {
      out[i] = clamp((image.rgb()[i] & 255) + level * RandomStreams.gaussian(random));
    }
    return new RgbImage(image.width(), image.height(), out);
  }

  private RgbImage crop(RgbImage image, SplittableRandom random) {
    int width = Math.max(1, (int) Math.rint(image.width() * level));
    int height = Math.max(1, (int) Math.rint(image.height() * level));
    int left = random.nextInt(image.width() - width + 1);
    int top = random.nextInt(image.height() - height + 1);
    return image.crop(left, top, width, height);
  }

  private RgbImage brightness(RgbImage image) {
    byte[] table = new byte[256];
    for (int v = 0; v < table.length; v++) {
      table[v] = clamp(v * level);
    }
    byte[] out = new byte[image.rgb().length];
    for (int i = 0; i < out.length; i++) {
      out[i] = table[image.rgb()[i] & 255];
    }
    return new RgbImage(image.width(), image.height(), out);
  }

  private static byte clamp(double value) {
    return (byte) Math.max(0, Math.min(255, Math.rint(value)));
  }

  private RgbImage screenshot(RgbImage image) {
    RgbImage shown = scaled(image, level, Interpolation.BICUBIC);
    int left = (int) Math.rint(shown.width() * SCREENSHOT_FRAME);
    int top = (int) Math.rint(shown.height() * SCREENSHOT_FRAME);
    RgbImage cut = shown.crop(left, top, shown.width() - 2 * left, shown.height() - 2 * top);
    return Augmentation.recompress(cut, SCREENSHOT_QUALITY);
  }
}
