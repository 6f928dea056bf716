package org.jresnet.data;

import static java.nio.ByteOrder.BIG_ENDIAN;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The markers of a JPEG file before its first scan, as {@code default_decompress_parms} of libjpeg
 * reads them.
 *
 * @param frame the marker of the frame header, 0xC0 to 0xCF; 0 without one
 * @param width columns
 * @param height rows
 * @param components those of the frame, in its order
 * @param jfif whether there is a JFIF segment
 * @param adobe the colour transform of the Adobe segment, -1 without one
 * @param quality see {@link ImageInfo#jpegQuality()}
 * @param orientation EXIF orientation, 1 to 8
 * @param colorProfile bytes of the ICC profile
 * @param metadata see {@link ImageInfo#metadata()}
 * @param scan where the marker of the first scan is, 0 without one
 * @param scanned components in that scan
 */
record JpegHeader(
    int frame,
    int width,
    int height,
    List<Component> components,
    boolean jfif,
    int adobe,
    OptionalInt quality,
    int orientation,
    int colorProfile,
    ImageMetadata metadata,
    long scan,
    int scanned) {
  /** More segments, or more bytes of garbage between them, are not an honest file's. */
  private static final int MAX_SEGMENTS = 100_000;

  private static final int MAX_GARBAGE = 16 << 20;

  /** The frame header of a sequential file with eight bits per sample and Huffman codes. */
  private static final int BASELINE = 0xC0;

  private static final Set<String> PLAIN = Set.of("4:4:4", "4:2:2", "4:2:0", "4:4:0");

  private static final String EXIF = "Exif\0\0";
  private static final String XMP = "http://ns.adobe.com/xap/1.0/\0";
  private static final String ICC = "ICC_PROFILE\0";

  /**
   * A component of the frame.
   *
   * @param id its name, such as 1 for luminance
   * @param sampling horizontal factor times 16 plus vertical factor
   * @param table index of its quantisation table
   */
  record Component(int id, int sampling, int table) {
    int across() {
      return sampling >> 4;
    }

    int down() {
      return sampling & 15;
    }
  }

  /**
   * Reads the markers.
   *
   * @throws BadImageException when the header is cut off
   */
  static JpegHeader read(Path name, Head head) throws IOException {
    Walk walk = new Walk(name, head);
    walk.run();
    return walk.header();
  }

  /** Such as 4:2:0; empty for grey and for four components. */
  String sampling() {
    if (components.size() != 3) {
      return "";
    }
    Component luma = components.get(0);
    Component chroma = components.get(1);
    boolean alike = chroma.sampling() == components.get(2).sampling();
    return switch (alike && chroma.sampling() == 0x11 ? luma.sampling() : -1) {
      case 0x11 -> "4:4:4";
      case 0x21 -> "4:2:2";
      case 0x22 -> "4:2:0";
      case 0x12 -> "4:4:0";
      case 0x41 -> "4:1:1";
      default -> {
        List<String> factors = new ArrayList<>();
        components.forEach(c -> factors.add(c.across() + "x" + c.down()));
        yield String.join(",", factors);
      }
    };
  }

  /** Whether three components are red, green and blue, and not luminance and chroma. */
  boolean storesRgb() {
    boolean named =
        components.size() == 3
            && components.get(0).id() == 'R'
            && components.get(1).id() == 'G'
            && components.get(2).id() == 'B';
    return !jfif && (adobe == 0 || adobe < 0 && named);
  }

  /** See {@link ImageInfo#plainJpeg}. */
  boolean plain() {
    boolean grey = components.size() == 1 && components.get(0).sampling() == 0x11;
    boolean colour = components.size() == 3 && PLAIN.contains(sampling()) && !storesRgb();
    return frame == BASELINE && scanned == components.size() && (grey || colour);
  }

  /** Whether there is an end of the image behind the first scan's beginning, as in a whole file. */
  boolean ends(byte[] file) {
    for (int at = file.length - 2; at > scan; at--) {
      if (file[at] == (byte) 0xFF && file[at + 1] == (byte) 0xD9) {
        return true;
      }
    }
    return false;
  }

  private static final class Walk {
    private final Path name;
    private final Head head;
    private final int[][] tables = new int[4][];
    private final List<Component> components = new ArrayList<>();
    private int frame;
    private int width;
    private int height;
    private boolean jfif;
    private int adobe = -1;
    private long exif = -1;
    private String xmp = "";
    private int colorProfile;
    private long scan;
    private int scanned;

    Walk(Path name, Head head) {
      this.name = name;
      this.head = head;
    }

    void run() throws IOException {
      long at = 2;
      int segments = 0;
      int garbage = 0;
      while (at + 4 <= head.length()) {
        int marker = head.u8(at + 1);
        if (head.u8(at) != 0xFF
            || marker == 0
            || marker == 1
            || marker == 0xFF
            || marker >= 0xD0 && marker <= 0xD9) {
          at++;
          garbage++;
        } else if (marker == 0xDA) {
          scan = at;
          scanned = at + 4 < head.length() ? head.u8(at + 4) : 0;
          return;
        } else {
          int length = head.u16(at + 2, BIG_ENDIAN) - 2;
          if (length < 0 || at + 4 + length > head.length()) {
            throw new BadImageException(name, "is truncated: its JPEG header is cut off");
          }
          segment(marker, at + 4, length);
          at += 4 + length;
          segments++;
        }
        if (segments > MAX_SEGMENTS || garbage > MAX_GARBAGE) {
          throw new BadImageException(
              name,
              "is corrupt: more than "
                  + (segments > MAX_SEGMENTS
                      ? MAX_SEGMENTS + " JPEG segments"
                      : MAX_GARBAGE + " bytes of garbage between its JPEG segments"));
        }
      }
    }

    private void segment(int marker, long data, int length) throws IOException {
      if (marker == 0xE0 && length >= 14 && head.has(data, "JFIF\0")) {
        jfif = true;
      } else if (marker == 0xEE && length >= 12 && head.has(data, "Adobe")) {
        adobe = head.u8(data + 11);
      } else if (marker == 0xE1 && exif < 0 && head.has(data, EXIF)) {
        exif = data + EXIF.length();
      } else if (marker == 0xE1 && head.has(data, XMP)) {
        xmp = head.text(data + XMP.length(), length - XMP.length());
      } else if (marker == 0xE2 && length > ICC.length() + 2 && head.has(data, ICC)) {
        colorProfile += length - ICC.length() - 2;
      } else if (marker == 0xDB) {
        quantisation(data, data + length);
      } else if (marker >= 0xC0 && marker <= 0xCF && marker % 4 != 0 || marker == 0xC0) {
        frame(marker, data, length);
      }
    }

    private void frame(int marker, long data, int length) throws IOException {
      frame = marker;
      int count = length > 5 ? head.u8(data + 5) : 0;
      if (length < 6 + 3 * count) {
        throw new BadImageException(name, "is corrupt: its JPEG frame header is too short");
      }
      height = head.u16(data + 1, BIG_ENDIAN);
      width = head.u16(data + 3, BIG_ENDIAN);
      components.clear();
      for (long c = data + 6; c < data + 6 + 3L * count; c += 3) {
        components.add(new Component(head.u8(c), head.u8(c + 1), head.u8(c + 2)));
      }
    }

    private void quantisation(long data, long end) throws IOException {
      for (long at = data; at < end; ) {
        int kind = head.u8(at++);
        int bytes = kind >> 4 == 0 ? 1 : 2;
        if ((kind & 15) > 3 || at + 64 * bytes > end) {
          return;
        }
        int[] table = new int[64];
        for (int i = 0; i < 64; i++, at += bytes) {
          table[i] = bytes == 1 ? head.u8(at) : head.u16(at, BIG_ENDIAN);
        }
        tables[kind & 15] = table;
      }
    }

    JpegHeader header() throws IOException {
      Optional<TiffHeader> tiff = exif < 0 ? Optional.empty() : TiffHeader.exif(head, exif);
      int orientation = TiffHeader.orientation(tiff);
      List<int[]> used = components.stream().map(this::table).toList();
      return new JpegHeader(
          frame,
          width,
          height,
          List.copyOf(components),
          jfif,
          adobe,
          JpegTables.of(used),
          orientation != 0 ? orientation : TiffHeader.orientation(xmp),
          colorProfile,
          ImageMetadata.jpeg(used).with(tiff, xmp),
          scan,
          scanned);
    }

    private int[] table(Component c) {
      return c.table() <= 3 && tables[c.table()] != null ? tables[c.table()] : new int[0];
    }
  }
}
