package org.jresnet.data;

import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32;

/**
 * Where an image file may come from: traces of the camera or program that wrote it. None of them is
 * in the pixels, and all of them can be forged or lost.
 *
 * @param exif whether the file has EXIF data
 * @param camera maker and model by EXIF; empty without
 * @param software the program by EXIF, XMP or a PNG text, {@value #GENERATION} where a PNG holds
 *     what image generators note; empty without
 * @param color {@code grey}, {@code palette} or {@code CMYK}; {@code colour} for the rest
 * @param tables a checksum over a JPEG's quantisation tables, component by component: two encoders
 *     may differ in it at one quality; empty for other formats
 * @param luminance the first component's table in zigzag order; empty for other formats
 */
public record ImageMetadata(
    boolean exif,
    String camera,
    String software,
    String color,
    String tables,
    List<Integer> luminance) {
  /** What a file without metadata says. */
  public static final ImageMetadata NONE =
      new ImageMetadata(false, "", "", "colour", "", List.of());

  /** Stands for the parameters and prompts that programs which generate images write into a PNG. */
  public static final String GENERATION = "generation parameters";

  /** Characters of a text that are kept. */
  static final int MAX_TEXT = 64;

  /** What Stable Diffusion's web UI ("parameters") and ComfyUI (the others) call their notes. */
  private static final List<String> NOTES = List.of("parameters", "prompt", "workflow");

  private static final Pattern CREATOR =
      Pattern.compile("xmp:CreatorTool(?:=\"|>)([^\"<]{1," + MAX_TEXT + "})");

  /** Copies the table. */
  public ImageMetadata {
    luminance = List.copyOf(luminance);
  }

  /** With what EXIF data and an XMP packet say; either may be absent. */
  ImageMetadata with(Optional<TiffHeader> tiff, String xmp) {
    String maker = tiff.map(t -> t.text(TiffHeader.MAKE)).orElse("");
    String model = tiff.map(t -> t.text(TiffHeader.MODEL)).orElse("");
    Matcher creator = CREATOR.matcher(xmp);
    String program =
        tiff.map(t -> t.text(TiffHeader.SOFTWARE))
            .filter(t -> !t.isEmpty())
            .orElse(creator.find() ? creator.group(1).strip() : software);
    return new ImageMetadata(
        exif || tiff.isPresent(),
        model.startsWith(maker) ? model : (maker + " " + model).strip(),
        program,
        color,
        tables,
        luminance);
  }

  /** With another kind of colours. */
  ImageMetadata withColor(String kind) {
    return new ImageMetadata(exif, camera, software, kind, tables, luminance);
  }

  /** With what a PNG's text chunk says; the first program named stays. */
  ImageMetadata withPngText(Head head, long at, long length) throws IOException {
    String chunk = head.text(at, Math.min(length, 2L * MAX_TEXT));
    int end = chunk.indexOf('\0');
    String keyword = end < 0 ? chunk : chunk.substring(0, end);
    String program =
        NOTES.contains(keyword)
            ? GENERATION
            : end > 0 && keyword.equals("Software") ? kept(chunk.substring(end + 1)) : "";
    return program.isEmpty() || !software.isEmpty()
        ? this
        : new ImageMetadata(exif, camera, program, color, tables, luminance);
  }

  /** Of a JPEG with these tables, one for each component. */
  static ImageMetadata jpeg(List<int[]> tables) {
    CRC32 checksum = new CRC32();
    for (int[] table : tables) {
      checksum.update(table.length);
      for (int step : table) {
        checksum.update(step);
        checksum.update(step >> 8);
      }
    }
    String color =
        switch (tables.size()) {
          case 1 -> "grey";
          case 4 -> "CMYK";
          default -> "colour";
        };
    return new ImageMetadata(
        false,
        "",
        "",
        color,
        HexFormat.of().toHexDigits((int) checksum.getValue()),
        tables.isEmpty() ? List.of() : Arrays.stream(tables.get(0)).boxed().toList());
  }

  /** A text as it is kept: without what follows its end, and not too long. */
  static String kept(String text) {
    int end = text.indexOf('\0');
    String all = (end < 0 ? text : text.substring(0, end)).strip();
    return all.length() <= MAX_TEXT ? all : all.substring(0, MAX_TEXT);
  }
}
