package org.jresnet.weights;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.jresnet.graph.DType;
import org.jresnet.graph.UserError;
import org.jresnet.weights.Unpickler.PickleException;
import org.jresnet.weights.Unpickler.Storage;
import org.jresnet.weights.Unpickler.TensorView;

/**
 * PyTorch's files as <a
 * href="https://pytorch.org/docs/stable/generated/torch.save.html">torch.save</a> writes them: the
 * zip form (since 1.6) and the legacy sequence of pickles. Pickles are read as data by {@link
 * Unpickler}.
 */
final class PyTorchFile {
  private static final BigInteger LEGACY_MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
  private static final List<String> WRAPPERS = List.of("state_dict", "model_state_dict", "model");
  private static final String MODULE_PREFIX = "module.";

  /** torch aligns tensors in the archive to 64 bytes. */
  private static final int ALIGNMENT = 64;

  private PyTorchFile() {}

  /** Gives the bytes of a storage, little-endian. */
  private interface Storages {
    ByteBuffer bytes(Storage storage) throws IOException;
  }

  static StateDict readZip(Path file) throws IOException {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      ZipEntry pickle =
          zip.stream()
              .filter(e -> e.getName().endsWith("/data.pkl") || e.getName().equals("data.pkl"))
              .findFirst()
              .orElseThrow(() -> broken(file, "it is a zip archive without data.pkl"));
      String root = pickle.getName().substring(0, pickle.getName().length() - "data.pkl".length());
      ZipEntry order = zip.getEntry(root + "byteorder");
      if (order != null
          && !new String(read(zip, order), StandardCharsets.US_ASCII).equals("little")) {
        throw broken(file, "it was written big-endian; save it again on a little-endian machine");
      }
      Map<String, ByteBuffer> cache = new LinkedHashMap<>();
      Object value = new Unpickler(ByteBuffer.wrap(read(zip, pickle))).read();
      return stateDict(
          file,
          value,
          storage -> {
            ByteBuffer known = cache.get(storage.key());
            if (known == null) {
              ZipEntry entry = zip.getEntry(root + "data/" + storage.key());
              if (entry == null) {
                throw broken(file, "its storage data/" + storage.key() + " is missing");
              }
              known = ByteBuffer.wrap(read(zip, entry));
              cache.put(storage.key(), known);
            }
            return known;
          });
    } catch (PickleException e) {
      throw broken(file, "data.pkl cannot be read: " + e.getMessage());
    } catch (ZipException e) {
      throw broken(
          file,
          "its zip directory is missing or damaged ("
              + e.getMessage()
              + "); it is probably truncated");
    }
  }

  private static byte[] read(ZipFile zip, ZipEntry entry) throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      return in.readAllBytes();
    }
  }

  static StateDict readLegacy(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    try {
      Unpickler unpickler = new Unpickler(bytes);
      if (!LEGACY_MAGIC.equals(unpickler.read())) {
        throw broken(file, "it is a pickle, but not one that torch.save wrote");
      }
      unpickler.read(); // protocol version
      unpickler.read(); // system information
      Object value = unpickler.read();
      Object keys = unpickler.read();
      Map<String, ByteBuffer> data = new LinkedHashMap<>();
      Map<String, Integer> widths = widths(value);
      for (Object key : (List<?>) keys) {
        if (bytes.remaining() < Long.BYTES) {
          throw broken(file, "it ends before storage " + key + "; it is truncated");
        }
        long length = bytes.getLong() * widths.getOrDefault(key.toString(), 1);
        if (length < 0 || length > bytes.remaining()) {
          throw broken(
              file,
              "storage "
                  + key
                  + " needs "
                  + length
                  + " bytes, only "
                  + bytes.remaining()
                  + " are left; it is truncated");
        }
        data.put(key.toString(), bytes.slice(bytes.position(), (int) length));
        bytes.position(bytes.position() + (int) length);
      }
      return stateDict(
          file,
          value,
          storage -> {
            ByteBuffer found = data.get(storage.key());
            if (found == null) {
              throw broken(file, "its storage " + storage.key() + " is missing");
            }
            return found;
          });
    } catch (PickleException e) {
      throw broken(file, "it cannot be read: " + e.getMessage());
    } catch (ClassCastException e) {
      throw broken(file, "its list of storages is malformed");
    }
  }

  /** Bytes per element of every storage that the value refers to. */
  private static Map<String, Integer> widths(Object value) {
    Map<String, Integer> widths = new LinkedHashMap<>();
    if (value instanceof TensorView view) {
      widths.put(view.storage().key(), view.storage().type().bytes());
    } else if (value instanceof Map<?, ?> map) {
      map.values().forEach(v -> widths.putAll(widths(v)));
    } else if (value instanceof List<?> list) {
      list.forEach(v -> widths.putAll(widths(v)));
    }
    return widths;
  }

  private static StateDict stateDict(Path file, Object value, Storages storages)
      throws IOException {
    List<String> notes = new ArrayList<>();
    Object inner = value;
    if (inner instanceof Map<?, ?> map
        && map.values().stream().noneMatch(TensorView.class::isInstance)) {
      for (String wrapper : WRAPPERS) {
        if (map.get(wrapper) instanceof Map<?, ?>) {
          inner = map.get(wrapper);
          notes.add(
              "took the entry '" + wrapper + "' of a checkpoint with the entries " + map.keySet());
          break;
        }
      }
    }
    if (!(inner instanceof Map<?, ?> entries)) {
      throw broken(file, "it holds no state dict (a dict of tensors)");
    }
    List<String> others = new ArrayList<>();
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    boolean prefixed =
        !entries.isEmpty()
            && entries.keySet().stream().allMatch(k -> k.toString().startsWith(MODULE_PREFIX));
    for (var e : entries.entrySet()) {
      String name = e.getKey().toString();
      if (e.getValue() instanceof TensorView view) {
        tensors.put(
            prefixed ? name.substring(MODULE_PREFIX.length()) : name,
            tensor(file, name, view, storages));
      } else {
        others.add(name);
      }
    }
    if (prefixed) {
      notes.add("removed the prefix '" + MODULE_PREFIX + "' from all names");
    }
    if (!others.isEmpty()) {
      notes.add("left out entries that are no tensors: " + others);
    }
    if (tensors.isEmpty()) {
      throw broken(file, "it holds no tensors; its entries are " + entries.keySet());
    }
    return new StateDict(tensors, Map.of(), notes);
  }

  private static HostTensor tensor(Path file, String name, TensorView view, Storages storages)
      throws IOException {
    int width = view.storage().type().bytes();
    ByteBuffer bytes = storages.bytes(view.storage()).duplicate().order(ByteOrder.LITTLE_ENDIAN);
    long available = bytes.remaining() / width;
    long count;
    long last = view.offset();
    try {
      count = HostTensor.elements(view.shape());
      for (int d = 0; d < view.shape().size(); d++) {
        if (view.shape().get(d) < 0 || view.strides().get(d) < 0) {
          throw broken(
              file,
              "tensor "
                  + name
                  + " has the impossible shape "
                  + view.shape()
                  + " with strides "
                  + view.strides());
        }
        last =
            Math.addExact(
                last,
                Math.multiplyExact(Math.max(0, view.shape().get(d) - 1), view.strides().get(d)));
      }
      // A broadcast view (stride 0) may claim more than its storage holds; no parameter is one.
      if (view.strides().size() != view.shape().size()
          || view.offset() < 0
          || count > 0 && (last >= available || count > available)) {
        throw broken(
            file,
            "tensor "
                + name
                + " of shape "
                + view.shape()
                + " leaves its storage of "
                + available
                + " elements; the file is"
                + " truncated or damaged");
      }
    } catch (ArithmeticException e) {
      throw broken(file, "tensor " + name + " has the impossible shape " + view.shape());
    }
    ByteBuffer out =
        ByteBuffer.allocate(Math.toIntExact(count * width)).order(ByteOrder.LITTLE_ENDIAN);
    copy(bytes, out, view, width, 0, view.offset());
    return new HostTensor(view.storage().type(), view.shape(), out.flip());
  }

  /** Copies dimension {@code d} and below in row-major order. */
  private static void copy(
      ByteBuffer in, ByteBuffer out, TensorView view, int width, int d, long at) {
    List<Long> shape = view.shape();
    List<Long> strides = view.strides();
    boolean contiguous = true;
    long expected = 1;
    for (int i = shape.size() - 1; i >= d; i--) {
      contiguous &= shape.get(i) == 1 || strides.get(i) == expected;
      expected *= shape.get(i);
    }
    if (contiguous) {
      out.put(in.slice((int) (at * width), (int) (expected * width)));
      return;
    }
    for (long i = 0; i < shape.get(d); i++) {
      copy(in, out, view, width, d + 1, at + i * strides.get(d));
    }
  }

  private static UserError broken(Path file, String problem) {
    return new UserError(file + " is not a PyTorch state dict that can be read: " + problem);
  }

  /**
   * Writes the zip form with an OrderedDict that {@code torch.load(file, weights_only=True)}
   * accepts.
   */
  static void write(StateDict dict, FileChannel channel) throws IOException {
    String root = "archive/";
    Counting counting = new Counting(Channels.newOutputStream(channel));
    ZipOutputStream zip = new ZipOutputStream(counting);
    zip.setMethod(ZipOutputStream.STORED);
    put(zip, counting, root + "data.pkl", ByteBuffer.wrap(pickle(dict)));
    put(
        zip,
        counting,
        root + "byteorder",
        ByteBuffer.wrap("little".getBytes(StandardCharsets.US_ASCII)));
    int key = 0;
    for (HostTensor tensor : dict.tensors().values()) {
      put(zip, counting, root + "data/" + key++, tensor.data().duplicate());
    }
    put(
        zip,
        counting,
        root + "version",
        ByteBuffer.wrap("3\n".getBytes(StandardCharsets.US_ASCII)));
    zip.finish();
    zip.flush();
  }

  /** Counts bytes, to know where an entry's data will start. */
  private static final class Counting extends OutputStream {
    private final OutputStream out;
    private long count;

    Counting(OutputStream out) {
      this.out = out;
    }

    @Override
    public void write(int b) throws IOException {
      out.write(b);
      count++;
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      out.write(bytes, offset, length);
      count += length;
    }
  }

  private static void put(ZipOutputStream zip, Counting counting, String name, ByteBuffer data)
      throws IOException {
    byte[] bytes = new byte[data.remaining()];
    data.get(bytes);
    CRC32 crc = new CRC32();
    crc.update(bytes);
    ZipEntry entry = new ZipEntry(name);
    entry.setSize(bytes.length);
    entry.setCompressedSize(bytes.length);
    entry.setCrc(crc.getValue());
    // A fixed time in local form: equal contents give equal bytes.
    entry.setTimeLocal(java.time.LocalDateTime.of(1980, 1, 1, 0, 0));
    zip.flush();
    int fixed = 30 + name.length() + 4;
    int padding = (int) ((ALIGNMENT - (counting.count + fixed) % ALIGNMENT) % ALIGNMENT);
    byte[] extra = new byte[4 + padding];
    // Extra field "FB", as torch names its padding: id, then length, then filler.
    extra[0] = 'F';
    extra[1] = 'B';
    extra[2] = (byte) padding;
    entry.setExtra(extra);
    zip.putNextEntry(entry);
    zip.write(bytes);
    zip.closeEntry();
  }

  /**
   * Protocol 2: OrderedDict of name → _rebuild_tensor_v2(storage, 0, shape, strides, False,
   * OrderedDict()).
   */
  private static byte[] pickle(StateDict dict) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(new byte[] {(byte) 0x80, 2});
    global(out, "collections", "OrderedDict");
    out.write(")R(".getBytes(StandardCharsets.US_ASCII));
    int key = 0;
    for (var e : dict.tensors().entrySet()) {
      HostTensor tensor = e.getValue();
      text(out, e.getKey());
      global(out, "torch._utils", "_rebuild_tensor_v2");
      out.write("((".getBytes(StandardCharsets.US_ASCII));
      text(out, "storage");
      global(out, "torch", storageName(tensor.type()));
      text(out, Integer.toString(key++));
      text(out, "cpu");
      integer(out, tensor.elements());
      out.write("tQ".getBytes(StandardCharsets.US_ASCII));
      integer(out, 0);
      out.write('(');
      for (long extent : tensor.shape()) {
        integer(out, extent);
      }
      out.write("t(".getBytes(StandardCharsets.US_ASCII));
      for (long stride : rowMajor(tensor.shape())) {
        integer(out, stride);
      }
      out.write('t');
      out.write(0x89);
      global(out, "collections", "OrderedDict");
      out.write(")RtR".getBytes(StandardCharsets.US_ASCII));
    }
    out.write("u.".getBytes(StandardCharsets.US_ASCII));
    return out.toByteArray();
  }

  private static List<Long> rowMajor(List<Long> shape) {
    List<Long> strides = new ArrayList<>();
    long stride = 1;
    for (int i = shape.size() - 1; i >= 0; i--) {
      strides.add(0, stride);
      stride *= shape.get(i);
    }
    return strides;
  }

  private static String storageName(DType type) {
    return switch (type) {
      case F32 -> "FloatStorage";
      case F64 -> "DoubleStorage";
      case F16 -> "HalfStorage";
      case BF16 -> "BFloat16Storage";
      case I64 -> "LongStorage";
      case I32 -> "IntStorage";
      case I8 -> "CharStorage";
      case U8 -> "ByteStorage";
    };
  }

  private static void global(OutputStream out, String module, String name) throws IOException {
    out.write(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
  }

  private static void text(OutputStream out, String text) throws IOException {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    out.write('X');
    out.write(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(utf8.length).array());
    out.write(utf8);
  }

  private static void integer(OutputStream out, long value) throws IOException {
    if (value > Integer.MAX_VALUE) {
      throw new IOException("a tensor extent of " + value + " is too large");
    }
    out.write('J');
    out.write(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt((int) value).array());
  }
}
