package org.jresnet.weights;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jresnet.graph.DType;

/**
 * Writes the zip form that {@code torch.load(file, weights_only=True)} accepts: entries that are
 * stored, not compressed, and whose data start at multiples of 64 bytes, as torch does it. Equal
 * contents give equal bytes.
 */
final class PyTorchWriter {
  private static final String ROOT = "archive/";
  private static final int ALIGNMENT = 64;

  /** Bytes of a local file header before the name. */
  private static final int LOCAL_HEADER = 30;

  /** Any fixed time; ZIP's first second, 1980-01-01 0:00, would make Java add the time zone. */
  private static final LocalDateTime TIME = LocalDateTime.of(1980, 1, 1, 0, 0, 2);

  private static final int CHUNK = 1 << 20;

  private final byte[] chunk = new byte[CHUNK];
  private final CRC32 allEntries = new CRC32();
  private final CRC32 allNames = new CRC32();
  private final Counting out;
  private final ZipOutputStream zip;

  private PyTorchWriter(OutputStream target) {
    out = new Counting(target);
    zip = new ZipOutputStream(out);
    zip.setMethod(ZipOutputStream.STORED);
  }

  /** Writes all tensors; metadata have no place in this form. */
  static void write(StateDict dict, FileChannel channel) throws IOException {
    // Not closed: the channel belongs to the caller.
    PyTorchWriter writer =
        new PyTorchWriter(new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16));
    writer.put("data.pkl", ByteBuffer.wrap(pickle(dict)));
    writer.put("byteorder", ascii("little"));
    int key = 0;
    for (HostTensor tensor : dict.tensors().values()) {
      writer.put("data/" + key++, tensor.data());
    }
    writer.put("version", ascii("3\n"));
    // Twice twenty digits from names and checksums, so that equal files have equal ids.
    writer.put(
        ".data/serialization_id",
        ascii(
            String.format(
                Locale.ROOT,
                "%020d%020d",
                writer.allNames.getValue(),
                writer.allEntries.getValue())));
    writer.zip.finish();
    writer.zip.flush();
  }

  private static ByteBuffer ascii(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
  }

  /** Counts bytes, to know where an entry's data will start. */
  private static final class Counting extends OutputStream {
    private final OutputStream target;
    private long count;

    Counting(OutputStream target) {
      this.target = target;
    }

    @Override
    public void write(int b) throws IOException {
      target.write(b);
      count++;
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      target.write(bytes, offset, length);
      count += length;
    }

    @Override
    public void flush() throws IOException {
      target.flush();
    }
  }

  private void put(String name, ByteBuffer data) throws IOException {
    String path = ROOT + name;
    CRC32 crc = new CRC32();
    for (ByteBuffer rest = data.duplicate(); rest.hasRemaining(); ) {
      crc.update(chunk, 0, next(rest));
    }
    allNames.update(path.getBytes(StandardCharsets.UTF_8));
    allEntries.update(
        ByteBuffer.allocate(Long.BYTES).putLong(crc.getValue()).array(), 0, Long.BYTES);
    ZipEntry entry = new ZipEntry(path);
    entry.setSize(data.remaining());
    entry.setCompressedSize(data.remaining());
    entry.setCrc(crc.getValue());
    entry.setTimeLocal(TIME);
    long start = out.count + LOCAL_HEADER + path.length() + 4;
    int padding = (int) (-start & ALIGNMENT - 1);
    // Extra field "FB", as torch names its padding: id, then length, then filler.
    byte[] extra = new byte[4 + padding];
    extra[0] = 'F';
    extra[1] = 'B';
    extra[2] = (byte) padding;
    entry.setExtra(extra);
    zip.putNextEntry(entry);
    while (data.hasRemaining()) {
      zip.write(chunk, 0, next(data));
    }
    zip.closeEntry();
  }

  private int next(ByteBuffer data) {
    int count = Math.min(CHUNK, data.remaining());
    data.get(chunk, 0, count);
    return count;
  }

  /**
   * Protocol 2: OrderedDict of name → _rebuild_tensor_v2(storage, 0, shape, strides, False,
   * OrderedDict()); types without a storage class have _rebuild_tensor_v3, which also names the
   * type.
   */
  private static byte[] pickle(StateDict dict) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(0x80);
    out.write(2);
    global(out, "collections", "OrderedDict");
    opcodes(out, ")R(");
    int key = 0;
    for (var e : dict.tensors().entrySet()) {
      HostTensor tensor = e.getValue();
      text(out, e.getKey());
      tensor(out, Integer.toString(key++), tensor);
    }
    opcodes(out, "u.");
    return out.toByteArray();
  }

  private static void tensor(OutputStream out, String key, HostTensor tensor) throws IOException {
    DType type = tensor.type();
    Optional<String> storage = TorchTypes.storage(type);
    global(out, "torch._utils", storage.isPresent() ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
    opcodes(out, "((");
    text(out, "storage");
    if (storage.isPresent()) {
      global(out, "torch", storage.get());
    } else {
      global(out, "torch.storage", "UntypedStorage");
    }
    text(out, key);
    text(out, "cpu");
    integer(out, storage.isPresent() ? tensor.elements() : tensor.data().remaining());
    opcodes(out, "tQ");
    integer(out, 0);
    tuple(out, extents(tensor.shape()));
    tuple(out, rowMajor(tensor.shape()));
    out.write(0x89);
    global(out, "collections", "OrderedDict");
    opcodes(out, ")R");
    if (storage.isEmpty()) {
      global(out, "torch", TorchTypes.name(type));
    }
    opcodes(out, "tR");
  }

  private static long[] extents(List<Long> shape) {
    return shape.stream().mapToLong(Long::longValue).toArray();
  }

  /** torch's strides: those of an empty extent count as if it were 1. */
  private static long[] rowMajor(List<Long> shape) {
    long[] strides = new long[shape.size()];
    long stride = 1;
    for (int i = strides.length - 1; i >= 0; i--) {
      strides[i] = stride;
      stride *= Math.max(1, shape.get(i));
    }
    return strides;
  }

  private static void opcodes(OutputStream out, String opcodes) throws IOException {
    out.write(opcodes.getBytes(StandardCharsets.US_ASCII));
  }

  private static void global(OutputStream out, String module, String name) throws IOException {
    opcodes(out, "c" + module + "\n" + name + "\n");
  }

  private static void text(OutputStream out, String text) throws IOException {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    out.write('X');
    out.write(little(Integer.BYTES).putInt(utf8.length).array());
    out.write(utf8);
  }

  private static void tuple(OutputStream out, long[] values) throws IOException {
    out.write('(');
    for (long value : values) {
      integer(out, value);
    }
    out.write('t');
  }

  private static void integer(OutputStream out, long value) throws IOException {
    if (value <= Integer.MAX_VALUE) {
      out.write('J');
      out.write(little(Integer.BYTES).putInt((int) value).array());
    } else {
      out.write(0x8a);
      out.write(Long.BYTES);
      out.write(little(Long.BYTES).putLong(value).array());
    }
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
