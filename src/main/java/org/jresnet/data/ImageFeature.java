package org.jresnet.data;

import java.util.Locale;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** What can be known of an image without looking at it, and may differ between classes. */
public enum ImageFeature {
  /** Columns and rows, as stored. */
  SIZE("size", i -> i.width() + "x" + i.height()),
  /** Shorter of the two sides in pixels. */
  SHORTER_SIDE("shorter side", "%.0f", i -> Math.min(i.width(), i.height())),
  /** Width by height. */
  ASPECT_RATIO("aspect ratio", "%.2f", i -> (double) i.width() / i.height()),
  /** File format. */
  FORMAT("format", ImageInfo::format),
  /** Quality of JPEG compression. */
  JPEG_QUALITY("JPEG quality", ImageFeature::quality),
  /** Sub-sampling of colours. */
  SAMPLING("JPEG sub-sampling", i -> i.sampling().isEmpty() ? "none" : i.sampling()),
  /** Size of the file by pixels: how much was compressed, and how much there is to see. */
  BYTES_PER_PIXEL(
      "bytes per pixel", "%.2f", i -> (double) i.bytes() / ((double) i.width() * i.height())),
  /** EXIF orientation. */
  ORIENTATION("EXIF orientation", i -> String.valueOf(i.orientation())),
  /** Whether a colour profile is embedded. */
  COLOR_PROFILE("colour profile", i -> i.colorProfile() == 0 ? "none" : "embedded"),
  /** Kind of colours. */
  COLOR("colours", i -> i.metadata().color()),
  /** Which quantisation tables a JPEG has. */
  TABLES("JPEG tables", i -> orNone(i.metadata().tables())),
  /** Whether there is EXIF data. */
  EXIF("EXIF", i -> i.metadata().exif() ? "present" : "none"),
  /** The camera that EXIF data name. */
  CAMERA("camera", i -> orNone(i.metadata().camera())),
  /** The program that metadata name. */
  SOFTWARE("software", i -> orNone(i.metadata().software()));

  private final String text;
  private final String format;
  private final Function<ImageInfo, String> category;
  private final ToDoubleFunction<ImageInfo> number;

  ImageFeature(String text, Function<ImageInfo, String> category) {
    this.text = text;
    this.format = "";
    this.category = category;
    this.number = null;
  }

  ImageFeature(String text, String format, ToDoubleFunction<ImageInfo> number) {
    this.text = text;
    this.format = format;
    this.category = null;
    this.number = number;
  }

  private static String orNone(String text) {
    return text.isEmpty() ? "none" : text;
  }

  private static String quality(ImageInfo info) {
    return info.jpegQuality().isPresent()
        ? String.valueOf(info.jpegQuality().getAsInt())
        : info.format().equals("JPEG") ? "own tables" : "no JPEG";
  }

  /** What people call it. */
  public String text() {
    return text;
  }

  /** Whether it is a number with an order, not one out of a list. */
  public boolean isNumber() {
    return number != null;
  }

  /** Its value as a number; only where {@link #isNumber()}. */
  public double number(ImageInfo info) {
    return number.applyAsDouble(info);
  }

  /** Its value as text. */
  public String category(ImageInfo info) {
    return isNumber() ? shown(number(info)) : category.apply(info);
  }

  /** A number as people read it. */
  String shown(double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
