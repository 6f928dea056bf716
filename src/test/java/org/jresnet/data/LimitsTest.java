package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalInt;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Decompression bombs end before they cost anything; honest images, flat ones too, do not. */
class LimitsTest {
  private static final Duration AT_ONCE = Duration.ofSeconds(1);

  @TempDir Path folder;

  private interface Decoding {
    void run() throws IOException;
  }

  private static void refused(String reason, Decoding decoding) {
    // The first image of a format loads its reader.
    Assertions.assertTimeout(
        AT_ONCE.multipliedBy(3),
        () ->
            assertThatThrownBy(decoding::run)
                .isInstanceOf(BadImageException.class)
                .hasMessageContaining(reason));
  }

  private static void refused(String reason, String name, byte[] bytes) {
    refused(reason, () -> ImageDecoder.decode(Path.of(name), bytes, ImageDecoder.Options.DEFAULT));
  }

  @Test
  void largeImagesNeedABytePerSoManyPixels() throws IOException {
    refused("more than 515869 bytes of PNG can hold", "flat.png", png(13300, 13300, 2, 515_869));
    byte[] sof = Files.readAllBytes(Goldens.image("jpeg-444-2x3.jpg"));
    patchFrame(sof, 13000, 13000);
    refused("can hold of a photograph", "sof.jpg", sof);
    byte[] gif = Files.readAllBytes(Goldens.image("gif.gif"));
    ByteBuffer.wrap(gif)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putShort(6, (short) 13000)
        .putShort(8, (short) 13000);
    refused("has 13000x13000 pixels", "screen.gif", gif);
    byte[] bmp = Files.readAllBytes(Goldens.image("bmp-24.bmp"));
    ByteBuffer.wrap(bmp).order(ByteOrder.LITTLE_ENDIAN).putInt(18, 13000).putInt(22, 13000);
    refused("of BMP can hold", "large.bmp", bmp);
    ByteBuffer.wrap(bmp)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(18, Integer.MAX_VALUE)
        .putInt(22, Integer.MIN_VALUE);
    refused("is corrupt: its header says 2147483647x-2147483648", "endless.bmp", bmp);
    byte[] webp = Files.readAllBytes(Goldens.image("webp-lossy.webp"));
    ByteBuffer.wrap(webp)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putShort(26, (short) 16383)
        .putShort(28, (short) 10000);
    refused("of WEBP can hold", "large.webp", webp);
    byte[] tiff = Files.readAllBytes(Goldens.image("tiff-rgb-mm.tif"));
    ByteBuffer.wrap(tiff).putShort(18, (short) 13000).putShort(30, (short) 13000);
    refused("of TIFF can hold", "large.tif", tiff);
  }

  /**
   * The ratios are those of Javadoc: photographs pass, whatever their size, and so do ordinary flat
   * images.
   */
  @Test
  void honestImagesPass() throws IOException {
    for (Object[] honest :
        new Object[][] {
          {Format.JPEG, 150_000_000, 107},
          {Format.JPEG, 150_000_000, 170},
          {Format.WEBP, 150_000_000, 586},
          {Format.PNG, 150_000_000, 5},
          {Format.PNG, 24_000_000, 344},
          {Format.GIF, 24_000_000, 2_500}
        }) {
      int pixels = (int) honest[1];
      ImageInfo info =
          new ImageInfo(
              honest[0].toString(),
              10_000,
              pixels / 10_000,
              1,
              0,
              OptionalInt.empty(),
              "",
              pixels / (int) honest[2],
              ImageMetadata.NONE,
              false);
      assertThatCode(
              () -> Limits.check(Path.of("x"), (Format) honest[0], info, ImageDecoder.MAX_PIXELS))
          .doesNotThrowAnyException();
    }
    byte[] flat = png(2000, 1500, 2, 0);
    assertThat(flat.length).isLessThan(2000 * 1500 / 300);
    assertThat(decode("flat.png", flat).rgb()).containsOnly(0);
    ByteArrayOutputStream jpeg = new ByteArrayOutputStream();
    try (var out = new MemoryCacheImageOutputStream(jpeg)) {
      var writer = ImageIO.getImageWritersByFormatName("jpeg").next();
      writer.setOutput(out);
      writer.write(new BufferedImage(2000, 1500, BufferedImage.TYPE_BYTE_GRAY));
      writer.dispose();
    }
    assertThat(decode("flat.jpg", jpeg.toByteArray()).width()).isEqualTo(2000);
  }

  @Test
  void memoryIsKnownBeforeItIsTaken() throws IOException {
    assertThat(opened("jpeg-420.jpg").memory()).isBetween(133 * 101 * 3L, 133 * 101 * 4L);
    assertThat(opened("png-rgba-16.png").memory()).isGreaterThan(11 * 19 * 11L);
    Path file = folder.resolve("large.png");
    long needed = 26_000L * 26_000 * 9;
    assertThat(needed).as("more than the tests' heap").isGreaterThan(Limits.budget());
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      byte[] start = png(26_000, 26_000, 2, 1000);
      start[24] = 16;
      fixHeader(start);
      sparse.write(start);
      sparse.setLength(10_000_000);
    }
    var options =
        new ImageDecoder.Options(ImageDecoder.Orientation.IGNORE, ImageDecoder.MOST_PIXELS);
    refused("takes 5812 MB to decode, and Java may use", () -> ImageDecoder.decode(file, options));
  }

  @Test
  void threadsShareTheMemory() throws Exception {
    DecodingMemory memory = new DecodingMemory(10 << 20);
    CountDownLatch second = new CountDownLatch(1);
    Thread other =
        new Thread(
            () -> {
              int share = memory.take(6 << 20);
              second.countDown();
              memory.give(share);
            });
    int first = memory.take(6 << 20);
    other.start();
    assertThat(second.await(200, TimeUnit.MILLISECONDS)).as("6 and 6 of 10 MB at once").isFalse();
    memory.give(first);
    assertThat(second.await(10, TimeUnit.SECONDS)).as("6 MB after 6 MB").isTrue();
    other.join();
    assertThat(memory.take(Long.MAX_VALUE)).as("more than there is: all of it").isEqualTo(160);
  }

  /** A reader that finds more pixels than the header would allocate them. */
  @Test
  void headersThatDisagreeAreCorrupt() throws IOException {
    for (String name : new String[] {"webp-animated.webp", "webp-animated-lossy.webp"}) {
      byte[] webp = Files.readAllBytes(Goldens.image(name));
      ByteBuffer.wrap(webp).put(24, (byte) 3).put(27, (byte) 3);
      assertThatThrownBy(() -> decode("changed.webp", webp))
          .isInstanceOf(BadImageException.class)
          .hasMessageContaining("changed.webp: is corrupt");
    }
  }

  @Test
  void otherFormatsAreNamed() {
    String[][] cases = {
      {"\0\0\0\034ftypavif\0\0\0\0", "is an AVIF image", "avifdec"},
      {"\0\0\0\030ftypheic\0\0\0\0", "is a HEIC image", "heif-convert"},
      {"\0\0\0\030ftypmif1\0\0\0\0", "is a HEIF image", "heif-convert"},
      {"\u00ff\n\u00fa\u00ff\u0001\0\0\0\0\0", "is a JPEG XL image", "djxl"},
      {"\0\0\0\fJXL \r\n\u0087\n", "is a JPEG XL image", "djxl"},
      {"\0\0\0\fjP  \r\n\u0087\n", "is a JPEG 2000 image", "magick"},
      {"8BPS\0\001\0\0\0\0\0\0", "is a Photoshop (PSD) image", "magick"},
      {"<?xml version=\"1.0\"?>\n<svg width=\"9\">", "is an SVG drawing", "rsvg-convert"},
      {"<svg xmlns=\"http://www.w3.org/2000/svg\">", "is an SVG drawing", "rsvg-convert"},
      {"P3\n3 2\n255\n000000000000000000", "image, which is not decoded here", "magick"},
      {"%PDF-1.7\n0000000000", "is a PDF", "pdftoppm"},
    };
    for (String[] c : cases) {
      byte[] bytes = c[0].getBytes(StandardCharsets.ISO_8859_1);
      assertThatThrownBy(() -> decode("other.jpg", bytes))
          .isInstanceOf(BadImageException.class)
          .hasMessageContaining("other.jpg: " + (c[1].startsWith("is") ? c[1] : "is a "))
          .hasMessageContaining(c[1])
          .hasMessageContaining("convert it first, for example with: " + c[2]);
    }
    assertThatThrownBy(() -> decode("x.jpg", "<html><body>".getBytes(StandardCharsets.US_ASCII)))
        .hasMessageContaining("is not an image; expected JPEG, PNG, WebP, BMP, GIF, TIFF or PPM");
  }

  @Test
  void theLimitHasLimits() {
    for (long bad : new long[] {0, -1, ImageDecoder.MOST_PIXELS + 1}) {
      assertThatThrownBy(() -> new ImageDecoder.Options(ImageDecoder.Orientation.IGNORE, bad))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("between 1 and 715827882, found " + bad);
    }
  }

  private static RgbImage decode(String name, byte[] bytes) throws IOException {
    return ImageDecoder.decode(Path.of(name), bytes, ImageDecoder.Options.DEFAULT);
  }

  private static OpenedImage opened(String fixture) throws IOException {
    return OpenedImage.of(Goldens.image(fixture), ImageDecoder.Options.DEFAULT);
  }

  /** A black PNG; with {@code size} bytes of nothing in place of its pixels, if that is not 0. */
  private static byte[] png(int width, int height, int colour, int size) {
    byte[] data = new byte[size == 0 ? 1 << 20 : size];
    int length = size;
    if (size == 0) {
      Deflater deflater = new Deflater(9);
      deflater.setInput(new byte[height * (1 + 3 * width)]);
      deflater.finish();
      length = deflater.deflate(data);
      assertThat(deflater.finished()).isTrue();
    }
    ByteBuffer png = ByteBuffer.allocate(size == 0 ? 57 + length : Math.max(57, size));
    png.putLong(0x89504E470D0A1A0AL);
    png.putInt(13).put("IHDR".getBytes(StandardCharsets.US_ASCII)).putInt(width).putInt(height);
    png.put((byte) 8).put((byte) colour).put(new byte[3]);
    png.putInt(crc(png.array(), 12, 17));
    if (size == 0) {
      png.putInt(length).put("IDAT".getBytes(StandardCharsets.US_ASCII)).put(data, 0, length);
      png.putInt(crc(png.array(), 37, 4 + length));
      png.putInt(0).put("IEND".getBytes(StandardCharsets.US_ASCII)).putInt(0xAE426082);
    }
    return png.array();
  }

  private static void fixHeader(byte[] png) {
    ByteBuffer.wrap(png).putInt(29, crc(png, 12, 17));
  }

  private static int crc(byte[] bytes, int from, int length) {
    CRC32 crc = new CRC32();
    crc.update(bytes, from, length);
    return (int) crc.getValue();
  }

  private static void patchFrame(byte[] jpeg, int width, int height) {
    int at = 0;
    while (jpeg[at] != (byte) 0xFF || jpeg[at + 1] != (byte) 0xC0) {
      at++;
    }
    ByteBuffer.wrap(jpeg).putShort(at + 5, (short) height).putShort(at + 7, (short) width);
  }
}
