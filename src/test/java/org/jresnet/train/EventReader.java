package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads TensorBoard's event files: an independent implementation, from the descriptions of the
 * formats, that checks every length and checksum.
 */
final class EventReader {
  /** A value of a summary; what it is not stays empty. */
  record Value(long step, String tag, Float scalar, byte[] png, double[] histogram) {}

  private static final int POLYNOMIAL = 0x82f63b78;

  private EventReader() {}

  /** All values of a file in their order; the first record names the version. */
  static List<Value> read(Path file) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<Value> values = new ArrayList<>();
    for (int record = 0; in.hasRemaining(); record++) {
      byte[] header = new byte[8];
      in.get(header);
      assertThat(in.getInt()).as("checksum of length %d", record).isEqualTo(masked(header));
      byte[] data =
          new byte
              [Math.toIntExact(ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).getLong())];
      in.get(data);
      assertThat(in.getInt()).as("checksum of record %d", record).isEqualTo(masked(data));
      Map<Integer, List<Object>> event = fields(data);
      assertThat((Double) event.get(1).get(0)).as("wall time").isGreaterThan(1.6e9);
      if (record == 0) {
        assertThat(text(event.get(3).get(0))).isEqualTo("brain.Event:2");
        continue;
      }
      long step = (Long) event.get(2).get(0);
      for (Object value : fields((byte[]) event.get(5).get(0)).get(1)) {
        values.add(value(step, fields((byte[]) value)));
      }
    }
    return values;
  }

  private static Value value(long step, Map<Integer, List<Object>> v) {
    byte[] png = v.containsKey(4) ? (byte[]) fields((byte[]) v.get(4).get(0)).get(4).get(0) : null;
    double[] histogram = null;
    if (v.containsKey(5)) {
      Map<Integer, List<Object>> h = fields((byte[]) v.get(5).get(0));
      ByteBuffer limits = little((byte[]) h.get(6).get(0));
      ByteBuffer counts = little((byte[]) h.get(7).get(0));
      assertThat(limits.remaining()).isEqualTo(counts.remaining()).isPositive();
      double sum = 0;
      double before = Double.NEGATIVE_INFINITY;
      while (counts.hasRemaining()) {
        double limit = limits.getDouble();
        assertThat(limit).isGreaterThan(before);
        before = limit;
        sum += counts.getDouble();
      }
      histogram =
          new double[] {
            (Double) h.get(1).get(0), (Double) h.get(2).get(0), (Double) h.get(3).get(0), sum
          };
    }
    Float scalar = v.containsKey(2) ? (Float) v.get(2).get(0) : null;
    return new Value(step, text(v.get(1).get(0)), scalar, png, histogram);
  }

  private static String text(Object bytes) {
    return new String((byte[]) bytes, StandardCharsets.UTF_8);
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static Map<Integer, List<Object>> fields(byte[] message) {
    ByteBuffer in = little(message);
    Map<Integer, List<Object>> fields = new TreeMap<>();
    while (in.hasRemaining()) {
      long key = varint(in);
      Object value =
          switch ((int) (key & 7)) {
            case 0 -> (Object) varint(in);
            case 1 -> (Object) in.getDouble();
            case 2 -> {
              byte[] bytes = new byte[Math.toIntExact(varint(in))];
              in.get(bytes);
              yield bytes;
            }
            case 5 -> (Object) in.getFloat();
            default -> throw new AssertionError("wire type " + (key & 7));
          };
      fields.computeIfAbsent((int) (key >> 3), k -> new ArrayList<>()).add(value);
    }
    return fields;
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      int b = in.get();
      value |= (long) (b & 127) << shift;
      if (b >= 0) {
        return value;
      }
    }
  }

  /** CRC-32C bit by bit, then TFRecord's mask. */
  private static int masked(byte[] bytes) {
    int crc = -1;
    for (byte b : bytes) {
      crc ^= b & 255;
      for (int i = 0; i < 8; i++) {
        crc = crc >>> 1 ^ ((crc & 1) == 0 ? 0 : POLYNOMIAL);
      }
    }
    crc = ~crc;
    return (crc >>> 15 | crc << 17) + 0xa282ead8;
  }
}
