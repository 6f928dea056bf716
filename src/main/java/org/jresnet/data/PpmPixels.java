package org.jresnet.data;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Portable pixmaps with one byte per sample (<a href="https://netpbm.sourceforge.net/doc/ppm.html">
 * PPM</a>, {@code P6} with 255 as its largest value): the pixels as they are, behind a header of
 * about 15 bytes. Pixel shards hold their images so.
 *
 * @param width columns
 * @param height rows
 * @param pixels where the pixels start in the file
 */
record PpmPixels(int width, int height, long pixels) {
  private static final int MAX_DIGITS = 9;

  /** Comments and blanks that are read before the numbers; no writer needs as many. */
  private static final int MAX_HEADER = 4096;

  /** Reads a header. */
  static PpmPixels header(Path name, Head head) throws IOException {
    int[] numbers = new int[3];
    long at = 2;
    for (int i = 0; i < numbers.length; i++) {
      at = blanks(name, head, at);
      int digits = 0;
      for (int c = head.u8(at); c >= '0' && c <= '9' && digits < MAX_DIGITS; c = head.u8(at)) {
        numbers[i] = numbers[i] * 10 + c - '0';
        digits++;
        at++;
      }
      if (digits == 0) {
        throw new BadImageException(name, "is corrupt: its PPM header lacks a number");
      }
    }
    if (!blank(head.u8(at))) {
      throw new BadImageException(name, "is corrupt: no blank ends its PPM header");
    }
    if (numbers[2] != 255) {
      throw new BadImageException(
          name, "is a PPM with values up to " + numbers[2] + ", expected up to 255");
    }
    return new PpmPixels(numbers[0], numbers[1], at + 1);
  }

  private static long blanks(Path name, Head head, long from) throws IOException {
    boolean comment = false;
    for (long at = from; at < MAX_HEADER; at++) {
      int c = head.u8(at);
      comment = comment ? c != '\n' && c != '\r' : c == '#';
      if (!comment && !blank(c)) {
        if (at == from) {
          break;
        }
        return at;
      }
    }
    throw new BadImageException(name, "is corrupt: its PPM header has no blank where one belongs");
  }

  private static boolean blank(int c) {
    return c == ' ' || c >= '\t' && c <= '\r';
  }

  /** The pixels of a file that is in memory; what lies behind them is ignored, as by Pillow. */
  static RgbImage of(Path name, byte[] bytes) throws IOException {
    PpmPixels header = header(name, Head.of(bytes));
    long end = header.pixels + 3L * header.width * header.height;
    if (end > bytes.length) {
      throw new EOFException("the file ends before its last row");
    }
    return new RgbImage(
        header.width, header.height, Arrays.copyOfRange(bytes, (int) header.pixels, (int) end));
  }
}
