package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Headers against Pillow's, and how much is read of a hostile one. */
class ImageInfoTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** The window of 8 KB, a megabyte of XMP at most (as bytes, as text), and small things. */
  private static final long MOST_MEMORY = 3 << 20;

  @TempDir Path folder;

  @Test
  void headersEqualPillow() throws IOException {
    List<String[]> rows = Goldens.table("info.tsv");
    assertThat(rows).hasSizeGreaterThan(120);
    Map<String, String> wrong = new TreeMap<>();
    for (String[] row : rows) {
      Path file = Goldens.image(row[0]);
      ImageInfo info = ImageInfo.read(file);
      String quality =
          info.jpegQuality().isPresent() ? String.valueOf(info.jpegQuality().getAsInt()) : "";
      String found = info.width() + "x" + info.height() + " " + info.orientation() + " " + quality;
      if (!found.equals(row[1] + " " + row[2] + " " + row[3])) {
        wrong.put(row[0], "expected " + Arrays.toString(row) + ", found " + found);
      }
      assertThat(info.bytes()).as(row[0]).isEqualTo(Files.size(file));
      assertThat(ImageInfo.read(file, Head.of(Files.readAllBytes(file)))).isEqualTo(info);
    }
    assertThat(wrong).as("headers that differ from Pillow's" + Goldens.REGENERATE).isEmpty();
  }

  @Test
  void formatsAndSampling() throws IOException {
    ImageInfo jpeg = ImageInfo.read(Goldens.image("jpeg-exif6.jpg"));
    assertThat(jpeg)
        .isEqualTo(
            new ImageInfo(
                "JPEG", 24, 16, 6, 0, OptionalInt.of(90), "4:2:0", 806, jpeg.metadata(), true));
    assertThat(ImageInfo.read(Goldens.image("webp-lossy-alpha.webp")).format()).isEqualTo("WEBP");
    assertThat(ImageInfo.read(Goldens.image("bmp-os2.bmp")).format()).isEqualTo("BMP");
    assertThat(ImageInfo.read(Goldens.image("tiff-rgb-none.tif")).format()).isEqualTo("TIFF");
    // Pillow turns TIFF by itself, so its size cannot be compared.
    assertThat(ImageInfo.read(Goldens.image("tiff-turned.tif")))
        .isEqualTo(
            new ImageInfo(
                "TIFF",
                9,
                7,
                6,
                0,
                OptionalInt.empty(),
                "",
                329,
                new ImageMetadata(true, "", "", "colour", "", List.of()),
                false));
    assertThat(ImageInfo.read(Goldens.image("gif.gif")).format()).isEqualTo("GIF");
    assertThat(ImageInfo.read(Goldens.image("png-rgb-icc.png")).colorProfile()).isGreaterThan(100);
    for (String kind : List.of("444", "422", "420", "440", "411")) {
      String sampling = ImageInfo.read(Goldens.image("jpeg-" + kind + ".jpg")).sampling();
      assertThat(sampling).isEqualTo(kind.replaceAll("(.)(.)(.)", "$1:$2:$3"));
    }
    assertThat(ImageInfo.read(Goldens.image("jpeg-grey.jpg")).sampling()).isEmpty();
    assertThat(ImageInfo.read(Goldens.image("jpeg-cmyk.jpg")).sampling()).isEmpty();
  }

  @Test
  void tracesOfTheWriterAreFound() throws IOException {
    ImageMetadata jpeg = ImageInfo.read(Goldens.image("jpeg-exif6.jpg")).metadata();
    assertThat(jpeg.exif()).isTrue();
    assertThat(jpeg.tables()).hasSize(8);
    // Quality 90 divides K.1's 16, 11, 12 by five.
    assertThat(jpeg.luminance()).hasSize(64).startsWith(3, 2, 2);
    byte[] plain = Files.readAllBytes(Goldens.image("jpeg-444.jpg"));
    ImageMetadata without = read("plain.jpg", plain).metadata();
    assertThat(without.exif()).isFalse();
    assertThat(without.software() + without.camera()).isEmpty();
    assertThat(ImageInfo.read(Goldens.image("jpeg-grey.jpg")).metadata().color()).isEqualTo("grey");
    assertThat(ImageInfo.read(Goldens.image("jpeg-cmyk.jpg")).metadata().color()).isEqualTo("CMYK");
    String xmp = "http://ns.adobe.com/xap/1.0/\0<x xmp:CreatorTool=\"Made Up 3.1\"/>";
    assertThat(read("xmp.jpg", withSegment(plain, xmp)).metadata().software())
        .isEqualTo("Made Up 3.1");
    assertThat(read("exif.jpg", withSegment(plain, exif())).metadata())
        .isEqualTo(
            new ImageMetadata(
                true, "Acme", "paint 1", "colour", without.tables(), without.luminance()));
    int table = indexOf(plain, 0xDB) + 5;
    plain[table + 7]++;
    assertThat(read("other.jpg", plain).metadata().tables()).isNotEqualTo(without.tables());
  }

  /** Big-endian EXIF data with a maker of 4 letters inside the entry and a program outside. */
  private static String exif() {
    String maker = "\1\17\0\2\0\0\0\4Acme";
    String program = "\1\61\0\2\0\0\0\10\0\0\0\46";
    return "Exif\0\0MM\0\52\0\0\0\10\0\2" + maker + program + "\0\0\0\0paint 1\0";
  }

  @Test
  void textsOfPngsAreRead() throws IOException {
    byte[] png = Files.readAllBytes(Goldens.image("png-rgb.png"));
    assertThat(read("plain.png", png).metadata().software()).isEmpty();
    assertThat(read("a.png", withText(png, "Software\0GIMP")).metadata().software())
        .isEqualTo("GIMP");
    assertThat(read("b.png", withText(png, "parameters\0a face, Steps: 20")).metadata().software())
        .isEqualTo(ImageMetadata.GENERATION);
    assertThat(read("c.png", withText(png, "Comment\0parameters")).metadata().software()).isEmpty();
  }

  /** A tEXt chunk behind the header, whose checksum nobody looks at. */
  private static byte[] withText(byte[] png, String text) {
    int header = 33;
    ByteBuffer out = ByteBuffer.allocate(png.length + 12 + text.length());
    out.put(png, 0, header).putInt(text.length());
    out.put(("tEXt" + text).getBytes(java.nio.charset.StandardCharsets.ISO_8859_1)).putInt(0);
    return out.put(png, header, png.length - header).array();
  }

  @Test
  void othersTablesHaveNoQuality() throws IOException {
    byte[] jpeg = Files.readAllBytes(Goldens.image("jpeg-444.jpg"));
    int table = indexOf(jpeg, 0xDB) + 5;
    jpeg[table + 7]++;
    assertThat(read("other.jpg", jpeg).jpegQuality()).isEmpty();
  }

  @Test
  void orientationIsFoundInXmp() throws IOException {
    byte[] plain = Files.readAllBytes(Goldens.image("jpeg-444.jpg"));
    String xmp = "http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation=\"8\"/>";
    assertThat(read("xmp.jpg", withSegment(plain, xmp)).orientation()).isEqualTo(8);
    byte[] exif = Files.readAllBytes(Goldens.image("jpeg-exif3.jpg"));
    assertThat(read("both.jpg", withSegment(exif, xmp)).orientation()).isEqualTo(3);
  }

  @Test
  void whatIsNoImageIsNamed() throws IOException {
    assertThat(ImageInfo.read(Goldens.image("broken-png-bomb.png")).width()).isEqualTo(50000);
    assertThatThrownBy(() -> ImageInfo.read(Goldens.image("broken-text.jpg")))
        .isInstanceOf(BadImageException.class)
        .hasMessageContaining("broken-text.jpg: is not an image");
    assertThatThrownBy(() -> ImageInfo.read(Goldens.image("broken-empty.jpg")))
        .isInstanceOf(BadImageException.class)
        .hasMessageContaining("is empty (0 bytes)");
    assertThatThrownBy(() -> ImageInfo.read(folder)).hasMessageContaining("is a folder");
    byte[] soi = {(byte) 0xFF, (byte) 0xD8, (byte) 0xFF, (byte) 0xD9};
    assertThatThrownBy(() -> read("soi.jpg", soi))
        .isInstanceOf(BadImageException.class)
        .hasMessageContaining("no JPEG frame header");
  }

  /** Whatever a header claims: little memory, and an error of one kind. */
  @Test
  void damagedHeadersCostNothing() throws IOException {
    SplittableRandom random = new SplittableRandom(7);
    Path file = folder.resolve("damaged");
    byte[] huge = {(byte) 0x7F, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF};
    try (Stream<Path> fixtures = Files.list(Goldens.image("gif.gif").getParent())) {
      for (Path fixture : fixtures.filter(f -> !f.toString().endsWith(".tsv")).toList()) {
        byte[] whole = Files.readAllBytes(fixture);
        for (int i = 0; i < 20 && whole.length > 8; i++) {
          byte[] damaged = Arrays.copyOf(whole, 8 + random.nextInt(whole.length - 7));
          int at = random.nextInt(Math.min(damaged.length - 4, 400));
          System.arraycopy(huge, 0, damaged, at, 1 + random.nextInt(4));
          Files.write(file, damaged);
          requireCheap(file);
        }
      }
    }
  }

  @Test
  void hugeFilesAreNotRead() throws IOException {
    ByteBuffer chunks = ByteBuffer.allocate(4 << 20);
    chunks.put(Files.readAllBytes(Goldens.image("png-rgb.png")), 0, 33);
    while (chunks.remaining() >= 12) {
      chunks.putInt(0).put("teST".getBytes(java.nio.charset.StandardCharsets.US_ASCII)).putInt(0);
    }
    requireCheap(Files.write(folder.resolve("chunks.png"), chunks.array()));
    byte[] segments = new byte[4 << 20];
    for (int i = 2; i + 4 <= segments.length; i += 4) {
      segments[i] = (byte) 0xFF;
      segments[i + 1] = (byte) 0xE5;
      segments[i + 3] = 2;
    }
    segments[0] = (byte) 0xFF;
    segments[1] = (byte) 0xD8;
    requireCheap(Files.write(folder.resolve("segments.jpg"), segments));
    assertThatThrownBy(() -> ImageInfo.read(folder.resolve("segments.jpg")))
        .hasMessageContaining("more than 100000 JPEG segments");
  }

  private static void requireCheap(Path file) throws IOException {
    long id = Thread.currentThread().getId();
    long before = THREADS.getThreadAllocatedBytes(id);
    try {
      ImageInfo.read(file);
    } catch (BadImageException e) {
      assertThat(e.getMessage()).startsWith(file + ": ").doesNotContain("null");
    }
    assertThat(THREADS.getThreadAllocatedBytes(id) - before)
        .as(() -> "bytes allocated for " + file + " of " + file.toFile().length() + " bytes")
        .isLessThan(MOST_MEMORY);
  }

  private ImageInfo read(String name, byte[] bytes) throws IOException {
    return ImageInfo.read(Files.write(folder.resolve(name), bytes));
  }

  private static int indexOf(byte[] jpeg, int marker) {
    for (int i = 0; ; i++) {
      if (jpeg[i] == (byte) 0xFF && jpeg[i + 1] == (byte) marker) {
        return i;
      }
    }
  }

  /** With an APP1 segment behind the start of the image. */
  private static byte[] withSegment(byte[] jpeg, String text) {
    byte[] data = text.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
    return ByteBuffer.allocate(jpeg.length + data.length + 4)
        .put(jpeg, 0, 2)
        .putShort((short) 0xFFE1)
        .putShort((short) (data.length + 2))
        .put(data)
        .put(jpeg, 2, jpeg.length - 2)
        .array();
  }
}
