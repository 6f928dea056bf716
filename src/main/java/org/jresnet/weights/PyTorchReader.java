package org.jresnet.weights;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.jresnet.base.UserError;
import org.jresnet.weights.Unpickler.PickleException;
import org.jresnet.weights.Unpickler.Storage;
import org.jresnet.weights.Unpickler.TensorView;

/**
 * Reads files as <a href="https://pytorch.org/docs/stable/generated/torch.save.html">torch.save</a>
 * writes them: the zip form (since 1.6) and the legacy sequence of pickles. Pickles are read as
 * data by {@link Unpickler}.
 */
final class PyTorchReader {
  private static final BigInteger LEGACY_MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
  private static final List<String> WRAPPERS = List.of("state_dict", "model_state_dict", "model");

  /** What DataParallel and torch.compile put before every name. */
  private static final List<String> PREFIXES = List.of("module.", "_orig_mod.");

  private static final String PICKLE = "data.pkl";
  private static final int CHUNK = 1 << 20;

  /**
   * Views of shared storages may together have this many bytes and {@link #SHARES} files' worth.
   */
  private static final long VIEW_FLOOR = 64 << 20;

  private static final int SHARES = 4;

  private final Path file;
  private final long fileBytes;
  private final Map<String, ByteBuffer> storages = new HashMap<>();
  private long viewed;

  private PyTorchReader(Path file, long fileBytes) {
    this.file = file;
    this.fileBytes = fileBytes;
  }

  /** Gives the bytes of a storage, little-endian. */
  private interface Source {
    ByteBuffer read(Storage storage) throws IOException;
  }

  /**
   * Reads the zip form.
   *
   * @throws UserError naming file, entry and problem
   */
  static StateDict readZip(Path file, FileChannel channel) throws IOException {
    PyTorchReader reader = new PyTorchReader(file, channel.size());
    try (ZipFile zip = new ZipFile(file.toFile())) {
      return reader.zip(zip);
    } catch (PickleException e) {
      throw reader.broken(PICKLE + " cannot be read: " + e.getMessage());
    } catch (ZipException | EOFException e) {
      throw reader.broken(
          "its zip directory is missing or damaged ("
              + e.getMessage()
              + "); it is probably truncated, get it again");
    }
  }

  private StateDict zip(ZipFile zip) throws IOException, PickleException {
    ZipEntry pickle =
        zip.stream()
            .filter(e -> e.getName().equals(PICKLE) || e.getName().endsWith("/" + PICKLE))
            .findFirst()
            .orElseThrow(() -> broken("it is a zip archive without " + PICKLE));
    String root = pickle.getName().substring(0, pickle.getName().length() - PICKLE.length());
    if (zip.getEntry(root + "constants.pkl") != null) {
      throw broken(
          "it is a TorchScript program; save its weights:"
              + " torch.save(torch.jit.load(file).state_dict(), other)");
    }
    ByteOrder order = byteOrder(zip, root);
    long[] read = {0};
    return stateDict(
        new Unpickler(ByteBuffer.wrap(entry(zip, pickle))).read(),
        storage -> {
          ZipEntry entry = zip.getEntry(root + "data/" + storage.key());
          if (entry == null) {
            throw broken("its storage data/" + FileBytes.show(storage.key()) + " is missing");
          }
          // Entries of one archive could share the same bytes and so grow without end.
          read[0] += entry.getSize();
          if (read[0] > fileBytes) {
            throw broken("its storages together are larger than the file");
          }
          byte[] bytes = entry(zip, entry);
          if (order == ByteOrder.BIG_ENDIAN) {
            swap(bytes, storage.type().bytes());
          }
          return ByteBuffer.wrap(bytes);
        });
  }

  /** Files from before PyTorch 2.1 have no entry for it and are little-endian. */
  private ByteOrder byteOrder(ZipFile zip, String root) throws IOException {
    ZipEntry entry = zip.getEntry(root + "byteorder");
    if (entry == null) {
      return ByteOrder.LITTLE_ENDIAN;
    }
    String word = new String(entry(zip, entry), StandardCharsets.US_ASCII).strip();
    return switch (word) {
      case "little" -> ByteOrder.LITTLE_ENDIAN;
      case "big" -> ByteOrder.BIG_ENDIAN;
      default ->
          throw broken("its byteorder is '" + FileBytes.show(word) + "', known are little and big");
    };
  }

  private static void swap(byte[] bytes, int width) {
    for (int at = 0; at + width <= bytes.length; at += width) {
      for (int i = at, j = at + width - 1; i < j; i++, j--) {
        byte b = bytes[i];
        bytes[i] = bytes[j];
        bytes[j] = b;
      }
    }
  }

  /** The bytes of a stored entry, compared with its checksum. */
  private byte[] entry(ZipFile zip, ZipEntry entry) throws IOException {
    String name = FileBytes.show(entry.getName());
    if (entry.getMethod() != ZipEntry.STORED || entry.getSize() != entry.getCompressedSize()) {
      throw broken(
          "its entry " + name + " is compressed, which torch.save never does; zip it with -0");
    }
    if (entry.getSize() < 0 || entry.getSize() > Math.min(fileBytes, Integer.MAX_VALUE - 8)) {
      throw broken(
          "its entry "
              + name
              + " claims "
              + entry.getSize()
              + " bytes, the file has "
              + fileBytes
              + " and an entry may have 2 GB");
    }
    byte[] bytes = new byte[(int) entry.getSize()];
    CRC32 crc = new CRC32();
    try (InputStream in = zip.getInputStream(entry)) {
      for (int at = 0; at < bytes.length; ) {
        int count = in.read(bytes, at, Math.min(CHUNK, bytes.length - at));
        if (count < 0) {
          throw new EOFException("entry " + name + " ends early");
        }
        crc.update(bytes, at, count);
        at += count;
      }
    }
    if (crc.getValue() != entry.getCrc()) {
      throw broken(
          "the checksum of its entry "
              + name
              + " is wrong: the file is damaged, get it again (or it was saved under"
              + " torch.serialization.set_crc32_options(False), then save it without that)");
    }
    return bytes;
  }

  /**
   * Reads the legacy form: magic number, protocol version, system information, the object, the list
   * of storage keys, then for each key the number of elements and the elements (always
   * little-endian).
   *
   * @throws UserError naming file and problem
   */
  static StateDict readLegacy(Path file, FileChannel channel) throws IOException {
    PyTorchReader reader = new PyTorchReader(file, channel.size());
    if (reader.fileBytes > Integer.MAX_VALUE - 8) {
      throw reader.broken(
          "it has the legacy form and "
              + reader.fileBytes
              + " bytes, more than the 2 GB supported; load and save it with PyTorch 1.6 or later");
    }
    try {
      return reader.legacy(FileBytes.read(channel, 0, (int) reader.fileBytes));
    } catch (PickleException e) {
      throw reader.broken("it cannot be read: " + e.getMessage());
    }
  }

  private StateDict legacy(ByteBuffer bytes) throws IOException, PickleException {
    Unpickler unpickler = new Unpickler(bytes);
    if (!LEGACY_MAGIC.equals(unpickler.read())) {
      throw broken("it is a pickle, but not one that torch.save wrote");
    }
    unpickler.read(); // protocol version
    unpickler.read(); // system information
    Object value = unpickler.read();
    if (!(unpickler.read() instanceof List<?> keys)) {
      throw broken("its list of storages is malformed");
    }
    Map<String, ByteBuffer> found = new HashMap<>();
    for (Object key : keys) {
      String shown = "storage " + FileBytes.show(key);
      Storage storage = key instanceof String ? unpickler.storages().get(key) : null;
      if (storage == null) {
        throw broken(shown + " is listed, but no tensor uses it");
      }
      if (bytes.remaining() < Long.BYTES) {
        throw broken("it ends before " + shown + "; it is truncated, get it again");
      }
      long elements = bytes.getLong();
      int width = storage.type().bytes();
      if (elements < 0 || elements > bytes.remaining() / width) {
        throw broken(
            shown
                + " claims "
                + elements
                + " elements of "
                + width
                + " bytes, only "
                + bytes.remaining()
                + " bytes are left; the file is truncated, get it again");
      }
      int length = (int) elements * width;
      found.put(storage.key(), bytes.slice(bytes.position(), length));
      bytes.position(bytes.position() + length);
    }
    return stateDict(
        value,
        storage -> {
          ByteBuffer data = found.get(storage.key());
          if (data == null) {
            throw broken("its storage " + FileBytes.show(storage.key()) + " is missing");
          }
          return data;
        });
  }

  private StateDict stateDict(Object value, Source source) throws IOException {
    List<String> notes = new ArrayList<>();
    Map<?, ?> entries = unwrap(value, notes);
    Map<String, TensorView> views = new LinkedHashMap<>();
    List<String> others = new ArrayList<>();
    List<String> booleans = new ArrayList<>();
    entries.forEach(
        (key, entry) -> {
          if (key instanceof String name && entry instanceof TensorView view) {
            views.put(name, view);
            if (view.storage().torchName().equals("BoolStorage")) {
              booleans.add(name);
            }
          } else {
            others.add(String.valueOf(key));
          }
        });
    if (views.isEmpty()) {
      throw broken(
          "it holds no tensors at a place that is known ("
              + String.join(", ", WRAPPERS)
              + "); its entries are: "
              + FileBytes.show(others)
              + ". Save only the weights: torch.save(model.state_dict(), file)");
    }
    if (!others.isEmpty()) {
      notes.add("left out entries that are no tensors: " + FileBytes.show(others));
    }
    if (!booleans.isEmpty()) {
      notes.add("took tensors of torch.bool as U8: " + FileBytes.show(booleans));
    }
    String prefix = prefix(views, notes);
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    for (var e : views.entrySet()) {
      HostTensor tensor = tensor("tensor " + FileBytes.show(e.getKey()), e.getValue(), source);
      tensors.put(e.getKey().substring(prefix.length()), tensor);
    }
    return new StateDict(tensors, Map.of(), notes);
  }

  private Map<?, ?> unwrap(Object value, List<String> notes) {
    if (!(value instanceof Map<?, ?> entries)) {
      throw broken("it holds no state dict (a dict of tensors)");
    }
    if (entries.values().stream().noneMatch(TensorView.class::isInstance)) {
      for (String wrapper : WRAPPERS) {
        if (entries.get(wrapper) instanceof Map<?, ?> inner) {
          List<String> left =
              entries.keySet().stream()
                  .map(String::valueOf)
                  .filter(k -> !k.equals(wrapper))
                  .toList();
          notes.add(
              "took the entry '"
                  + wrapper
                  + "' of a checkpoint"
                  + (left.isEmpty() ? "" : ", left out: " + FileBytes.show(left)));
          return inner;
        }
      }
    }
    return entries;
  }

  /** The wrapper prefixes that all names share. */
  private static String prefix(Map<String, TensorView> views, List<String> notes) {
    String prefix = "";
    for (boolean longer = true; longer; ) {
      longer = false;
      for (String next : PREFIXES) {
        String candidate = prefix + next;
        if (views.keySet().stream().allMatch(name -> name.startsWith(candidate))) {
          prefix = candidate;
          longer = true;
        }
      }
    }
    if (!prefix.isEmpty()) {
      notes.add("removed the prefix '" + prefix + "' from all names");
    }
    return prefix;
  }

  private HostTensor tensor(String name, TensorView view, Source source) throws IOException {
    Storage storage = view.storage();
    int width = storage.type().bytes();
    ByteBuffer bytes = storages.get(storage.key());
    if (bytes == null) {
      bytes = source.read(storage).order(ByteOrder.LITTLE_ENDIAN);
      if (storage.elements() > bytes.remaining() / width) {
        throw broken(
            "storage "
                + FileBytes.show(storage.key())
                + " should hold "
                + storage.elements()
                + " elements of "
                + width
                + " bytes, found "
                + bytes.remaining()
                + " bytes; the file is truncated or damaged, get it again");
      }
      storages.put(storage.key(), bytes);
    }
    String shown =
        name
            + " of shape "
            + view.shape()
            + ", strides "
            + view.strides()
            + " and offset "
            + view.offset();
    long needed;
    long last = view.offset();
    boolean contiguous = true;
    try {
      needed = HostTensor.bytes(storage.type(), view.shape());
      long expected = 1;
      for (int d = view.shape().size() - 1; d >= 0; d--) {
        long steps = Math.max(0, view.shape().get(d) - 1);
        contiguous &= steps == 0 || view.strides().get(d) == expected;
        expected *= Math.max(1, view.shape().get(d));
        last = Math.addExact(last, Math.multiplyExact(steps, view.strides().get(d)));
      }
    } catch (ArithmeticException e) {
      throw broken(shown + " is larger than any file");
    }
    if (needed > 0 && last >= storage.elements()) {
      throw broken(shown + " leaves its storage of " + storage.elements() + " elements");
    }
    viewed += needed;
    if (needed > Integer.MAX_VALUE - 8 || viewed > VIEW_FLOOR + SHARES * fileBytes) {
      throw broken(
          shown
              + " repeats its storage of "
              + storage.elements()
              + " elements until the tensors are far larger than the file");
    }
    if (needed == 0 || contiguous) {
      int at = needed == 0 ? 0 : Math.toIntExact(view.offset() * width);
      return new HostTensor(storage.type(), view.shape(), bytes.slice(at, (int) needed));
    }
    ByteBuffer out = ByteBuffer.allocate((int) needed).order(ByteOrder.LITTLE_ENDIAN);
    copy(bytes, out, view, 0, view.offset());
    return new HostTensor(storage.type(), view.shape(), out.flip());
  }

  /** Copies dimension {@code d} and below, from element {@code at}, in row-major order. */
  private static void copy(ByteBuffer in, ByteBuffer out, TensorView view, int d, long at) {
    long extent = view.shape().get(d);
    long stride = view.strides().get(d);
    if (d < view.shape().size() - 1) {
      for (long i = 0; i < extent; i++) {
        copy(in, out, view, d + 1, at + i * stride);
      }
      return;
    }
    int width = view.storage().type().bytes();
    int from = (int) (at * width);
    int step = (int) (stride * width);
    for (long i = 0; i < extent; i++, from += step) {
      switch (width) {
        case 1 -> out.put(in.get(from));
        case 2 -> out.putShort(in.getShort(from));
        case 4 -> out.putInt(in.getInt(from));
        default -> out.putLong(in.getLong(from));
      }
    }
  }

  private UserError broken(String problem) {
    return new UserError(file + " is not a PyTorch state dict that can be read: " + problem);
  }
}
