package org.jresnet.weights;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.Collection;
import java.util.stream.Collectors;
import org.jresnet.base.Text;

/** Bytes out of files that nobody vouches for, and their texts in messages. */
final class FileBytes {
  /** Java reads through native memory of the size asked for. */
  private static final int CHUNK = 1 << 20;

  private static final int SHOWN_LENGTH = 120;
  private static final int SHOWN_NAMES = 20;

  private FileBytes() {}

  /**
   * {@code length} bytes from {@code at}, little-endian.
   *
   * @throws EOFException when the file ends before
   */
  static ByteBuffer read(FileChannel channel, long at, int length) throws IOException {
    if (length > channel.size() - at) {
      throw new EOFException(
          "it ends at byte "
              + channel.size()
              + ", expected were "
              + (at + length)
              + "; it is truncated, get it again");
    }
    byte[] bytes = new byte[length];
    for (int done = 0; done < length; ) {
      int count =
          channel.read(ByteBuffer.wrap(bytes, done, Math.min(CHUNK, length - done)), at + done);
      if (count < 0) {
        throw new EOFException("it became shorter while it was read");
      }
      done += count;
    }
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A name from a file for a message: one line, of bearable length. */
  static String show(Object name) {
    String text = String.valueOf(name);
    if (text.length() > SHOWN_LENGTH) {
      text = text.substring(0, SHOWN_LENGTH) + "…";
    }
    return Text.visible(text);
  }

  /** The first names of a list. */
  static String show(Collection<?> names) {
    String first =
        names.stream().limit(SHOWN_NAMES).map(FileBytes::show).collect(Collectors.joining(", "));
    int more = names.size() - SHOWN_NAMES;
    return more > 0 ? first + " and " + more + " more" : first;
  }
}
