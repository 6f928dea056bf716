package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pixels against Pillow's, and files that are none. */
class ImageDecoderTest {
  private static final String LOSSLESS_JPEG = "lossless JPEG: refused, Pillow reads some";
  private static final String TIFF = "unusual TIFF: refused by name";
  private static final String LENIENT = "damaged marker: Pillow refuses, ImageIO reads on";

  /** Where we differ from Pillow, and why. Anything else must agree. */
  private static final Map<String, String> DIFFERENT =
      Map.ofEntries(
          Map.entry("png-no-iend.png", "cut off after its last row: truncated to us"),
          Map.entry("png-short-data.png", "rows are missing: truncated to us, black to Pillow"),
          Map.entry("other-tiff-lab.tif", TIFF),
          Map.entry("other-tiff-float.tif", TIFF),
          Map.entry("other-tiff-zstd.tif", TIFF),
          Map.entry("jpeg-lossless/8_ls.jpg", LOSSLESS_JPEG),
          Map.entry("jpeg-lossless/f-18.jpg", LOSSLESS_JPEG),
          Map.entry("jpeg-lossless/testimg_rgb.jpg", LOSSLESS_JPEG),
          Map.entry("jpeg/0x00-to-0xFF-between-segments.jpg", LENIENT),
          Map.entry("jpeg/jfif-bogus-empty-jfif-segment.jpg", LENIENT));

  @TempDir Path folder;

  @Test
  void drawnImagesEqualPillow() throws IOException {
    List<String[]> rows = Goldens.table("decode.tsv");
    assertThat(rows).hasSizeGreaterThan(150);
    Map<String, String> wrong = new TreeMap<>();
    for (String[] row : rows) {
      compare(row, Files.readAllBytes(Goldens.image(row[0])), wrong);
    }
    assertThat(wrong).as("images that differ from Pillow" + Goldens.REGENERATE).isEmpty();
  }

  @Test
  void realAndBrokenJpegsEqualPillow() throws IOException {
    List<String[]> rows = Goldens.table("twelvemonkeys.tsv");
    assertThat(rows).hasSizeGreaterThan(70);
    Map<String, String> wrong = new TreeMap<>();
    for (String[] row : rows) {
      try (InputStream in = ImageDecoderTest.class.getResourceAsStream("/" + row[0])) {
        compare(row, in.readAllBytes(), wrong);
      }
    }
    assertThat(wrong).as("JPEGs of imageio-jpeg-tests that differ from Pillow").isEmpty();
  }

  private static void compare(String[] row, byte[] bytes, Map<String, String> wrong) {
    String expected = row[1].equals("error") ? "error" : row[1] + " " + row[2];
    String found;
    try {
      found = Goldens.of(ImageDecoder.decode(Path.of(row[0]), bytes, ImageDecoder.Options.DEFAULT));
    } catch (BadImageException e) {
      found = "error";
      if (!e.getMessage().startsWith(row[0] + ": ") || e.getMessage().contains("null")) {
        wrong.put(row[0], "message without name or reason: " + e.getMessage());
      }
    }
    if (found.equals(expected) == DIFFERENT.containsKey(row[0])) {
      wrong.put(row[0], "expected " + expected + ", found " + found);
    }
  }

  @Test
  void orientationIsAppliedOnRequest() throws IOException {
    for (String[] row : Goldens.table("upright.tsv")) {
      RgbImage upright =
          ImageDecoder.decode(
              Goldens.image(row[0]),
              new ImageDecoder.Options(ImageDecoder.Orientation.APPLY, ImageDecoder.MAX_PIXELS));
      assertThat(Goldens.of(upright)).as(row[0]).isEqualTo(row[1] + " " + row[2]);
    }
    RgbImage stored = ImageDecoder.decode(Goldens.image("jpeg-exif6.jpg"));
    assertThat(stored.width()).isEqualTo(24);
  }

  @Test
  void messagesTellWhatIsWrong() throws IOException {
    Map<String, String> reasons = new TreeMap<>();
    reasons.put("broken-empty.jpg", "is empty (0 bytes)");
    reasons.put("broken-text.jpg", "is not an image; expected JPEG, PNG");
    reasons.put("broken-jpeg-half.jpg", "is truncated: the end of the JPEG data is missing");
    reasons.put("broken-jpeg-no-eoi.jpg", "is truncated");
    reasons.put("broken-png-half.png", "is corrupt or truncated");
    reasons.put("broken-png-text-crc.png", "the checksum of its PNG chunk tEXt is wrong");
    reasons.put("broken-webp-lossless-half.webp", "is truncated");
    reasons.put("other-tiff-lab.tif", "is a TIFF image with colours CIE L*a*b*, which is not");
    reasons.put("other-tiff-float.tif", "with samples that are signed or no whole numbers");
    reasons.put("other-tiff-zstd.tif", "with compression Zstandard, which is not decoded here");
    reasons.put("broken-png-bomb.png", "has 50000x50000 pixels, more than the limit of 178956970");
    reasons.put("broken-jpeg-bomb.jpg", "has 65000x65000 pixels, more than the limit");
    reasons.forEach(
        (name, reason) ->
            assertThatThrownBy(() -> ImageDecoder.decode(Goldens.image(name)))
                .isInstanceOf(BadImageException.class)
                .hasMessageContaining(name)
                .hasMessageContaining(reason));
    assertThatThrownBy(() -> ImageDecoder.decode(folder))
        .isInstanceOf(BadImageException.class)
        .hasMessageContaining("is a folder");
    assertThatThrownBy(() -> ImageDecoder.decode(folder.resolve("none.jpg")))
        .isInstanceOf(BadImageException.class)
        .hasMessageContaining("none.jpg: does not exist");
  }

  @Test
  void unreadableFile() throws IOException {
    Path file = Files.write(folder.resolve("secret.jpg"), new byte[10]);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("---------"));
    Assumptions.assumeFalse(
        Files.isReadable(file), "this user reads every file (root), so none is unreadable");
    assertThatThrownBy(() -> ImageDecoder.decode(file))
        .isInstanceOf(BadImageException.class)
        .hasMessageContaining("permission denied");
  }

  @Test
  void pixelLimitIsAnOption() {
    var options = new ImageDecoder.Options(ImageDecoder.Orientation.IGNORE, 133 * 101 - 1);
    assertThatThrownBy(() -> ImageDecoder.decode(Goldens.image("jpeg-420.jpg"), options))
        .isInstanceOf(BadImageException.class)
        .hasMessageContaining("133x101 pixels, more than the limit of 13432");
  }

  /** No cut of a file may end in anything but pixels that are all there, or a named error. */
  @Test
  void everyTruncationIsAnError() throws IOException {
    List<String> names =
        List.of(
            "jpeg-420-5x33.jpg",
            "jpeg-cmyk-progressive.jpg",
            "png-rgb-8-interlaced.png",
            "webp-lossless-alpha.webp",
            "webp-lossy-alpha.webp",
            "tiff-rgb-lzw.tif",
            "tiff-grey-jpeg.tif",
            "gif.gif",
            "bmp-8.bmp");
    List<String> accepted = new ArrayList<>();
    for (String name : names) {
      byte[] whole = Files.readAllBytes(Goldens.image(name));
      String pixels =
          Goldens.of(ImageDecoder.decode(Path.of(name), whole, ImageDecoder.Options.DEFAULT));
      for (int length = 1; length < whole.length; length += 1 + length / 40) {
        byte[] part = java.util.Arrays.copyOf(whole, length);
        try {
          RgbImage image = ImageDecoder.decode(Path.of(name), part, ImageDecoder.Options.DEFAULT);
          if (!Goldens.of(image).equals(pixels)) {
            accepted.add(name + " cut to " + length + " of " + whole.length + " bytes");
          }
        } catch (BadImageException e) {
          assertThat(e.getMessage()).startsWith(name + ": ");
        }
      }
    }
    assertThat(accepted).isEmpty();
  }

  /** Any damage gives pixels or a named error, never another exception. */
  @Test
  void damageNeverEscapes() throws IOException {
    java.util.SplittableRandom random = new java.util.SplittableRandom(5);
    for (String[] row : Goldens.table("decode.tsv")) {
      byte[] whole = Files.readAllBytes(Goldens.image(row[0]));
      for (int i = 0; i < 4 && whole.length > 0; i++) {
        byte[] damaged = whole.clone();
        for (int n = 0; n < 5; n++) {
          damaged[random.nextInt(whole.length)] = (byte) random.nextInt(256);
        }
        try {
          ImageDecoder.decode(
              Path.of(row[0]),
              damaged,
              new ImageDecoder.Options(ImageDecoder.Orientation.APPLY, 1_000_000));
        } catch (BadImageException e) {
          assertThat(e.getMessage()).startsWith(row[0] + ": ");
        }
      }
    }
  }
}
