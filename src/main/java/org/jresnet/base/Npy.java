package org.jresnet.base;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * An array in NumPy's file format, version 1.0, little-endian and in C order: <a
 * href="https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html">numpy.lib.format</a>.
 *
 * @param type as NumPy writes it: {@code |u1} or {@code <f4}
 * @param shape extents; empty for a scalar
 * @param data elements, position 0 to limit
 */
public record Npy(String type, List<Integer> shape, ByteBuffer data) {
  /** Unsigned bytes. */
  public static final String U8 = "|u1";

  /** Single precision. */
  public static final String F32 = "<f4";

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  private static final int PREFIX = MAGIC.length + Short.BYTES;
  private static final int ALIGNMENT = 64;
  private static final int LARGEST_HEADER = 1 << 12;

  private static final Pattern HEADER =
      Pattern.compile(
          "\\{'descr': '([^']*)', 'fortran_order': (True|False), 'shape': \\(([0-9, ]*)\\),? *\\}\\s*");

  /** Checks that the data have the size that type and shape ask for. */
  public Npy {
    shape = List.copyOf(shape);
    long bytes = bytes(type);
    for (int extent : shape) {
      bytes = Math.multiplyExact(bytes, extent);
    }
    data = data.slice().order(ByteOrder.LITTLE_ENDIAN);
    if (data.remaining() != bytes) {
      throw new IllegalArgumentException(
          Text.format("%s %s needs %s bytes, found %s", type, shape, bytes, data.remaining()));
    }
  }

  private static int bytes(String type) {
    return switch (type) {
      case U8 -> 1;
      case F32 -> Float.BYTES;
      default ->
          throw new IllegalArgumentException(
              Text.format("expected elements of type %s or %s, found %s", U8, F32, type));
    };
  }

  /** Values in single precision. */
  public static Npy of(List<Integer> shape, float[] values) {
    ByteBuffer data =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return new Npy(F32, shape, data);
  }

  /** Unsigned bytes. */
  public static Npy of(List<Integer> shape, byte[] values) {
    return new Npy(U8, shape, ByteBuffer.wrap(values));
  }

  /** The elements of a {@link #F32} array. */
  public float[] floats() {
    float[] values = new float[data.limit() / Float.BYTES];
    data.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  /** The elements of a {@link #U8} array. */
  public byte[] bytes() {
    byte[] values = new byte[data.limit()];
    data.duplicate().get(values);
    return values;
  }

  /** Writes the array; the data begin at a multiple of 64 bytes. */
  public void write(Path file) {
    String extents =
        shape.stream().map(String::valueOf).collect(Collectors.joining(", "))
            + (shape.size() == 1 ? "," : "");
    String header =
        Text.format("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, extents);
    int length = (PREFIX + header.length() + ALIGNMENT) / ALIGNMENT * ALIGNMENT - PREFIX;
    ByteBuffer start = ByteBuffer.allocate(PREFIX + length).order(ByteOrder.LITTLE_ENDIAN);
    start.put(MAGIC).putShort((short) length).put(header.getBytes(StandardCharsets.US_ASCII));
    while (start.position() < start.limit() - 1) {
      start.put((byte) ' ');
    }
    start.put((byte) '\n').flip();
    AtomicFile.write(
        file,
        channel -> {
          AtomicFile.writeFully(channel, start);
          AtomicFile.writeFully(channel, data.duplicate());
        });
  }

  /**
   * Reads an array of unsigned bytes or single precision.
   *
   * @throws UserError saying what is wrong with the file
   */
  public static Npy read(Path file) {
    RegularFile.require(file, "the array");
    try (InputStream in = Files.newInputStream(file)) {
      byte[] prefix = in.readNBytes(PREFIX);
      if (prefix.length < PREFIX
          || !Arrays.equals(prefix, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
        throw wrong(file, "it does not start as a .npy file of version 1.0");
      }
      int length = (prefix[MAGIC.length] & 255) | (prefix[MAGIC.length + 1] & 255) << 8;
      if (length > LARGEST_HEADER) {
        throw wrong(file, "its header has " + length + " bytes, at most " + LARGEST_HEADER);
      }
      String header = new String(in.readNBytes(length), StandardCharsets.US_ASCII);
      Matcher matcher = HEADER.matcher(header);
      if (!matcher.matches() || matcher.group(2).equals("True")) {
        throw wrong(file, "expected the header of an array in C order, found " + header.strip());
      }
      List<Integer> shape =
          Arrays.stream(matcher.group(3).split(","))
              .map(String::strip)
              .filter(s -> !s.isEmpty())
              .map(Integer::valueOf)
              .toList();
      return new Npy(matcher.group(1), shape, ByteBuffer.wrap(in.readAllBytes()));
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw wrong(file, e.getMessage());
    } catch (IOException e) {
      throw RegularFile.unreadable(file, "the array", e);
    }
  }

  private static UserError wrong(Path file, String what) {
    return new UserError(Text.format("%s is no array that can be read here: %s", file, what));
  }
}
