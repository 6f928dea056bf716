package org.jresnet.data;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The first directory of a TIFF file, or of EXIF data, which have the same form. */
final class TiffHeader {
  static final int WIDTH = 256;
  static final int HEIGHT = 257;
  static final int BITS = 258;
  static final int COMPRESSION = 259;
  static final int PHOTOMETRIC = 262;
  static final int SAMPLES = 277;
  static final int TILE_WIDTH = 322;
  static final int TILE_HEIGHT = 323;
  static final int EXTRA_SAMPLES = 338;
  static final int SAMPLE_FORMAT = 339;
  static final int COLOR_PROFILE = 34675;
  static final int MAKE = 271;
  static final int MODEL = 272;
  static final int SOFTWARE = 305;
  private static final int ORIENTATION = 274;

  /** Pillow's pattern. */
  private static final Pattern XMP = Pattern.compile("tiff:Orientation(?:=\"|>)([0-9])");

  private static final int BIG = 43;
  private static final Set<Integer> TEXTS = Set.of(MAKE, MODEL, SOFTWARE);
  private static final int ASCII = 2;
  private static final int SHORT = 3;
  private static final int LONG = 4;

  private final Map<Integer, Long> values = new HashMap<>();
  private final Map<Integer, Long> counts = new HashMap<>();
  private final Map<Integer, String> texts = new HashMap<>();

  /**
   * Reads the directory, as far as it goes.
   *
   * @param start where the byte order stands; offsets count from there
   * @throws IOException when there is none
   */
  TiffHeader(Head head, long start) throws IOException {
    String mark = head.text(start, 2);
    if (!mark.equals("II") && !mark.equals("MM")) {
      throw new IOException("no byte order");
    }
    ByteOrder order = mark.equals("II") ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
    boolean big = head.u16(start + 2, order) == BIG;
    long at = start + (big ? head.u64(start + 8, order) : head.u32(start + 4, order));
    int entries = head.u16(at + (big && order == ByteOrder.BIG_ENDIAN ? 6 : 0), order);
    at += big ? 8 : 2;
    try {
      for (int i = 0; i < entries; i++, at += big ? 20 : 12) {
        int tag = head.u16(at, order);
        int type = head.u16(at + 2, order);
        long count = big ? head.u64(at + 4, order) : head.u32(at + 4, order);
        long value = at + (big ? 12 : 8);
        counts.put(tag, count);
        values.remove(tag);
        if (type == SHORT || type == LONG) {
          boolean inside = count * (type == SHORT ? 2 : 4) <= (big ? 8 : 4);
          long first =
              inside ? value : start + (big ? head.u64(value, order) : head.u32(value, order));
          values.put(tag, type == SHORT ? head.u16(first, order) : head.u32(first, order));
        } else if (type == ASCII && TEXTS.contains(tag)) {
          boolean inside = count <= (big ? 8 : 4);
          long first =
              inside ? value : start + (big ? head.u64(value, order) : head.u32(value, order));
          long shown = Math.min(count, ImageMetadata.MAX_TEXT + 1);
          texts.put(tag, ImageMetadata.kept(head.text(first, shown)));
        }
      }
    } catch (EOFException e) {
      // Pillow keeps what it has, too.
    }
  }

  /** The first whole number of an entry, 0 without one. */
  long value(int tag) {
    return value(tag, 0);
  }

  /** The first whole number of an entry. */
  long value(int tag, long otherwise) {
    return values.getOrDefault(tag, otherwise);
  }

  /** How many values an entry has, 0 without it. */
  long count(int tag) {
    return counts.getOrDefault(tag, 0L);
  }

  /** One of the texts {@link #MAKE}, {@link #MODEL} and {@link #SOFTWARE}, empty without it. */
  String text(int tag) {
    return texts.getOrDefault(tag, "");
  }

  /** EXIF data; empty where they are broken, which does not make the pixels worse. */
  static Optional<TiffHeader> exif(Head head, long start) {
    try {
      return Optional.of(new TiffHeader(head, start));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** The orientation in EXIF data; 0 where they have none or are broken. */
  static int orientation(Optional<TiffHeader> exif) {
    return exif.filter(e -> e.count(ORIENTATION) > 0).map(TiffHeader::orientation).orElse(0);
  }

  /** The orientation in an XMP packet, 1 where it has none. */
  static int orientation(String xmp) {
    Matcher found = XMP.matcher(xmp);
    return found.find() ? valid(Integer.parseInt(found.group(1))) : 1;
  }

  /** The orientation, 1 without a valid one. */
  int orientation() {
    return count(ORIENTATION) == 1 ? valid(value(ORIENTATION)) : 1;
  }

  private static int valid(long orientation) {
    return orientation >= 1 && orientation <= 8 ? (int) orientation : 1;
  }
}
