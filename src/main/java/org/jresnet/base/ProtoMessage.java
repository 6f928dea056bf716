package org.jresnet.base;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A message in <a href="https://protobuf.dev/programming-guides/encoding/">protobuf's wire
 * format</a>, built field by field. Large fields are kept, not copied.
 */
public final class ProtoMessage {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  private final List<ByteBuffer> parts = new ArrayList<>();
  private long size;

  /** Bytes of the message. */
  public long size() {
    return size;
  }

  /** Adds an integer field. */
  public ProtoMessage number(int field, long value) {
    ByteBuffer part = ByteBuffer.allocate(20);
    varint(part, (long) field << 3 | VARINT);
    varint(part, value);
    return add(part.flip());
  }

  /** Adds a field in single precision. */
  public ProtoMessage real(int field, float value) {
    ByteBuffer part = ByteBuffer.allocate(14).order(ByteOrder.LITTLE_ENDIAN);
    varint(part, (long) field << 3 | FIXED32);
    part.putFloat(value);
    return add(part.flip());
  }

  /** Adds a field in double precision. */
  public ProtoMessage real64(int field, double value) {
    ByteBuffer part = ByteBuffer.allocate(18).order(ByteOrder.LITTLE_ENDIAN);
    varint(part, (long) field << 3 | FIXED64);
    part.putDouble(value);
    return add(part.flip());
  }

  /** Adds a field of many numbers in double precision. */
  public ProtoMessage reals64(int field, double[] values) {
    ByteBuffer packed =
        ByteBuffer.allocate(values.length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    packed.asDoubleBuffer().put(values);
    return bytes(field, packed);
  }

  /** Adds a text field. */
  public ProtoMessage text(int field, String value) {
    return bytes(field, ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8)));
  }

  /** Adds a field of bytes, which must not change any more. */
  public ProtoMessage bytes(int field, ByteBuffer value) {
    return header(field, value.remaining()).add(value.duplicate());
  }

  /** Adds a complete message as a field. */
  public ProtoMessage message(int field, ProtoMessage value) {
    header(field, value.size);
    value.parts.forEach(this::add);
    return this;
  }

  private ProtoMessage header(int field, long length) {
    ByteBuffer part = ByteBuffer.allocate(20);
    varint(part, (long) field << 3 | BYTES);
    varint(part, length);
    return add(part.flip());
  }

  private ProtoMessage add(ByteBuffer part) {
    parts.add(part);
    size += part.remaining();
    return this;
  }

  /** Seven bits a byte, the lowest first; all but the last byte have the highest bit set. */
  private static void varint(ByteBuffer to, long value) {
    long rest = value;
    while ((rest & ~0x7fL) != 0) {
      to.put((byte) (rest & 0x7f | 0x80));
      rest >>>= 7;
    }
    to.put((byte) rest);
  }

  /** The message, which must be small. */
  public byte[] toBytes() {
    ByteBuffer all = ByteBuffer.allocate(Math.toIntExact(size));
    parts.forEach(part -> all.put(part.duplicate()));
    return all.array();
  }

  /** Writes the message. */
  public void write(FileChannel channel) throws IOException {
    for (ByteBuffer part : parts) {
      AtomicFile.writeFully(channel, part.duplicate());
    }
  }
}
