package org.jresnet.data;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalInt;

/**
 * The quality that a JPEG encoder was asked for, from its quantisation tables: libjpeg (and so
 * Pillow and most other encoders) scales the two tables of ITU-T T.81, annex K, by {@code
 * jpeg_set_quality}'s rule. Encoders with tables of their own (Photoshop, cameras) have none.
 */
public final class JpegTables {
  /** Table K.1 in zigzag order, as files have it. */
  private static final byte[] LUMINANCE =
      HexFormat.of()
          .parseHex(
              "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933"
                  + "383740485c4e404457453738506d51575f626768673e4d71797064785c656763");

  /** Table K.2, likewise. */
  private static final byte[] CHROMINANCE =
      HexFormat.of()
          .parseHex(
              "1112121815182f1a1a2f63423842636363636363636363636363636363636363"
                  + "6363636363636363636363636363636363636363636363636363636363636363");

  private static final int[][] LUMINANCES = scaled(LUMINANCE);
  private static final int[][] CHROMINANCES = scaled(CHROMINANCE);

  private JpegTables() {}

  /**
   * The quality at which all tables are the standard ones.
   *
   * @param tables one per component, in zigzag order: the first scales K.1, the others either table
   */
  static OptionalInt of(List<int[]> tables) {
    for (int quality = 100; quality >= 1 && !tables.isEmpty(); quality--) {
      int[] luminance = LUMINANCES[quality];
      int[] chrominance = CHROMINANCES[quality];
      if (Arrays.equals(tables.get(0), luminance)
          && tables.stream()
              .allMatch(t -> Arrays.equals(t, luminance) || Arrays.equals(t, chrominance))) {
        return OptionalInt.of(quality);
      }
    }
    return OptionalInt.empty();
  }

  /**
   * The table of the first component at a quality, in zigzag order.
   *
   * @param quality 1 to 100
   */
  public static List<Integer> luminance(int quality) {
    return Arrays.stream(LUMINANCES[quality]).boxed().toList();
  }

  /** The quality whose table for the first component is on average as coarse as another one. */
  static int nearest(List<Integer> luminance) {
    int wanted = luminance.stream().mapToInt(Integer::intValue).sum();
    int best = 100;
    for (int quality = 100; quality >= 1; quality--) {
      if (Math.abs(Arrays.stream(LUMINANCES[quality]).sum() - wanted)
          < Math.abs(Arrays.stream(LUMINANCES[best]).sum() - wanted)) {
        best = quality;
      }
    }
    return best;
  }

  private static int[][] scaled(byte[] standard) {
    int[][] tables = new int[101][64];
    for (int quality = 1; quality <= 100; quality++) {
      int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
      for (int i = 0; i < 64; i++) {
        tables[quality][i] = Math.max(1, Math.min(255, (standard[i] * scale + 50) / 100));
      }
    }
    return tables;
  }
}
