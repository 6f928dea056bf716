package org.jresnet.data;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Where the first frame of a WebP file lies (the <a
 * href="https://developers.google.com/speed/webp/docs/riff_container">container's
 * specification</a>).
 *
 * @param kind of coding
 * @param data position of the coded frame
 * @param length its bytes
 * @param left column of the frame in the image, 0 unless animated
 * @param top row of the frame, likewise
 */
record WebpFile(Kind kind, int data, int length, int left, int top) {
  enum Kind {
    LOSSY("VP8 "),
    LOSSLESS("VP8L");

    private final String chunk;

    Kind(String chunk) {
      this.chunk = chunk;
    }
  }

  private static final int CHUNK = 8;
  private static final int FRAME = 16;

  /**
   * Finds the first frame.
   *
   * @throws BadImageException when there is none or it is cut off
   */
  static WebpFile of(Path name, byte[] bytes) throws IOException {
    Head file = Head.of(bytes);
    if (bytes.length < 20 || file.u32(4, LITTLE_ENDIAN) > bytes.length - 8) {
      throw new BadImageException(
          name, "is truncated: its WebP header promises more than " + bytes.length + " bytes");
    }
    int left = 0;
    int top = 0;
    long at = 12;
    while (at + CHUNK <= bytes.length) {
      String chunk = file.name(at);
      long length = file.u32(at + 4, LITTLE_ENDIAN);
      if (chunk.equals("ANMF")) {
        // A frame of an animation holds chunks of its own behind its position and size.
        left = 2 * (file.i32(at + CHUNK, LITTLE_ENDIAN) & 0xFFFFFF);
        top = 2 * (file.i32(at + CHUNK + 3, LITTLE_ENDIAN) & 0xFFFFFF);
        at += CHUNK + FRAME;
        continue;
      }
      for (Kind kind : Kind.values()) {
        if (kind.chunk.equals(chunk)) {
          if (length > bytes.length - at - CHUNK) {
            throw new BadImageException(name, "is truncated inside its WebP pixel data");
          }
          return new WebpFile(kind, (int) at + CHUNK, (int) length, left, top);
        }
      }
      at += CHUNK + length + length % 2;
    }
    throw new BadImageException(name, "is corrupt: it has no WebP pixel data");
  }

  /** A file of the frame alone, without alpha, metadata and animation. */
  byte[] frame(byte[] bytes) {
    int padded = length + length % 2;
    return ByteBuffer.allocate(12 + CHUNK + padded)
        .order(LITTLE_ENDIAN)
        .put("RIFF".getBytes(StandardCharsets.US_ASCII))
        .putInt(4 + CHUNK + padded)
        .put("WEBP".getBytes(StandardCharsets.US_ASCII))
        .put(kind.chunk.getBytes(StandardCharsets.US_ASCII))
        .putInt(length)
        .put(bytes, data, length)
        .array();
  }
}
