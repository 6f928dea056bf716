package org.jresnet.data;

import java.io.IOException;
import java.util.Arrays;
import java.util.Objects;
import javax.imageio.stream.ImageInputStreamImpl;

/**
 * The bytes of a file, then a few zeros, then an error: TwelveMonkeys' lossless WebP decoder reads
 * its buffer ahead and takes the end of the data for zeros without end, so that a truncated image
 * would become a wrong one, at one exception per bit. libwebp reports such a file.
 */
final class PaddedStream extends ImageInputStreamImpl {
  /** The decoder looks at the 8 bytes behind those that it has used up, and one more. */
  private static final int PADDING = 9;

  private final byte[] bytes;

  PaddedStream(byte[] bytes) {
    this.bytes = bytes;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    read(one, 0, 1);
    return one[0] & 255;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, target.length);
    bitOffset = 0;
    if (streamPos + length > bytes.length + PADDING) {
      throw new IOException("the data end before the last row");
    }
    int stored = (int) Math.max(0, Math.min(length, bytes.length - streamPos));
    System.arraycopy(bytes, (int) Math.min(streamPos, bytes.length), target, offset, stored);
    Arrays.fill(target, offset + stored, offset + length, (byte) 0);
    streamPos += length;
    return length;
  }

  @Override
  public long length() {
    return bytes.length;
  }
}
