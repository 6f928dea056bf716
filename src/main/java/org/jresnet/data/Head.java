package org.jresnet.data;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The bytes of a file at any position, through one window of 8 KB: what lies between headers is
 * skipped, not read. Positions past the end are an {@link EOFException}.
 */
final class Head implements Closeable {
  private static final int WINDOW = 8192;

  /** No piece of metadata that is read whole may be larger. */
  private static final int MAX_PIECE = 1 << 20;

  private final SeekableByteChannel channel;
  private final long length;
  private final ByteBuffer window;
  private long start;

  private Head(SeekableByteChannel channel, long length, ByteBuffer window) {
    this.channel = channel;
    this.length = length;
    this.window = window;
  }

  /** Bytes that are in memory already. */
  static Head of(byte[] bytes) {
    return new Head(null, bytes.length, ByteBuffer.wrap(bytes));
  }

  /** A file, whose first bytes are read. */
  static Head open(Path file) throws IOException {
    SeekableByteChannel channel = Files.newByteChannel(file);
    try {
      Head head = new Head(channel, channel.size(), ByteBuffer.allocate(WINDOW));
      head.move(0);
      return head;
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  /** Bytes of the whole file. */
  long length() {
    return length;
  }

  int u8(long at) throws IOException {
    return window.get(reach(at, 1)) & 255;
  }

  int u16(long at, ByteOrder order) throws IOException {
    int i = reach(at, 2);
    return Short.toUnsignedInt(window.order(order).getShort(i));
  }

  int i32(long at, ByteOrder order) throws IOException {
    int i = reach(at, 4);
    return window.order(order).getInt(i);
  }

  long u32(long at, ByteOrder order) throws IOException {
    return Integer.toUnsignedLong(i32(at, order));
  }

  /** Eight bytes; values of 2^63 and more, which no file has, become {@link Long#MAX_VALUE}. */
  long u64(long at, ByteOrder order) throws IOException {
    int i = reach(at, 8);
    long value = window.order(order).getLong(i);
    return value < 0 ? Long.MAX_VALUE : value;
  }

  /** Whether these characters stand there; false past the end. */
  boolean has(long at, String text) throws IOException {
    return at <= length - text.length() && text(at, text.length()).equals(text);
  }

  /** Four characters, such as the name of a chunk. */
  String name(long at) throws IOException {
    return text(at, 4);
  }

  /** Characters of one byte each; at most a megabyte of them, fewer at the end of the file. */
  String text(long at, long count) throws IOException {
    int wanted = (int) Math.max(0, Math.min(Math.min(count, length - at), MAX_PIECE));
    byte[] bytes = new byte[wanted];
    for (int done = 0; done < wanted; ) {
      int i = reach(at + done, 1);
      int here = Math.min(wanted - done, window.limit() - i);
      window.get(i, bytes, done, here);
      done += here;
    }
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  /** The index in the window of {@code count} bytes at that position. */
  private int reach(long at, int count) throws IOException {
    if (at < 0 || at > length - count) {
      throw new EOFException("the file ends inside its header");
    }
    if (at < start || at + count > start + window.limit()) {
      move(at);
      if (window.limit() < count) {
        throw new EOFException("the file got shorter while it was read");
      }
    }
    return (int) (at - start);
  }

  private void move(long at) throws IOException {
    window.clear();
    start = at;
    channel.position(at);
    while (window.hasRemaining() && channel.read(window) > 0) {
      // until the window is full or the file ends
    }
    window.flip();
  }

  @Override
  public void close() throws IOException {
    if (channel != null) {
      channel.close();
    }
  }
}
