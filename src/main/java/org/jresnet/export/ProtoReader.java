package org.jresnet.export;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Reads a message in protobuf's wire format, field by field. Whatever the bytes are, it ends, with
 * an {@link IllegalArgumentException} where they are no message.
 *
 * <pre>{@code
 * while (reader.next()) {
 *   switch (reader.field()) {
 *     case 1 -> name = reader.text();
 *     default -> reader.skip();
 *   }
 * }
 * }</pre>
 */
final class ProtoReader {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;
  private static final int MAX_FIELD = (1 << 29) - 1;

  private final ByteBuffer in;
  private int field;
  private int wire;

  ProtoReader(ByteBuffer bytes) {
    in = bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Goes to the next field; false at the end. */
  boolean next() {
    if (!in.hasRemaining()) {
      return false;
    }
    long key = varint();
    wire = (int) (key & 7);
    if (key < 8 || key >>> 3 > MAX_FIELD) {
      throw wrong("a field has the number " + (key >>> 3));
    }
    field = (int) (key >>> 3);
    return true;
  }

  int field() {
    return field;
  }

  /** Whether the field is a packed list of numbers, to be read with {@link #message}. */
  boolean packed() {
    return wire == BYTES;
  }

  /** Whether anything is left, of a packed list. */
  boolean more() {
    return in.hasRemaining();
  }

  long number() {
    require(VARINT, "an integer");
    return varint();
  }

  /** An integer without a key, of a packed list. */
  long varint() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (!in.hasRemaining()) {
        throw wrong("an integer is cut off");
      }
      byte b = in.get();
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw wrong("an integer has more than 64 bits");
  }

  float real() {
    require(FIXED32, "a number in single precision");
    return take(Float.BYTES).getFloat();
  }

  String text() {
    return StandardCharsets.UTF_8.decode(bytes()).toString();
  }

  ByteBuffer bytes() {
    require(BYTES, "bytes");
    long length = varint();
    if (length < 0 || length > in.remaining()) {
      throw wrong(
          "field " + field + " has " + length + " bytes, but only " + in.remaining() + " are left");
    }
    return take((int) length);
  }

  ProtoReader message() {
    return new ProtoReader(bytes());
  }

  void skip() {
    switch (wire) {
      case VARINT -> varint();
      case FIXED64 -> take(Long.BYTES);
      case BYTES -> bytes();
      case FIXED32 -> take(Float.BYTES);
      default -> throw wrong("field " + field + " is of kind " + wire + ", which is not used");
    }
  }

  private ByteBuffer take(int length) {
    if (length > in.remaining()) {
      throw wrong("field " + field + " is cut off");
    }
    ByteBuffer taken = in.slice(in.position(), length).order(ByteOrder.LITTLE_ENDIAN);
    in.position(in.position() + length);
    return taken;
  }

  private void require(int wanted, String what) {
    if (wire != wanted) {
      throw wrong("field " + field + " is of kind " + wire + ", expected " + what);
    }
  }

  private IllegalArgumentException wrong(String how) {
    return new IllegalArgumentException(how + " (byte " + in.position() + " of its message)");
  }
}
