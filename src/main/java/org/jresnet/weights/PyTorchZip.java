package org.jresnet.weights;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.HashSet;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.jresnet.base.UserError;
import org.jresnet.weights.PickleCalls.Storage;

/** The archive that torch.save writes since 1.6: stored entries, one for each storage. */
final class PyTorchZip implements AutoCloseable {
  static final String PICKLE = "data.pkl";
  private static final int CHUNK = 1 << 20;

  private final Path file;
  private final long fileBytes;
  private final ZipFile zip;
  private final String root;
  private final ByteOrder order;

  /** Bytes of the storages read so far. */
  private long read;

  /**
   * Opens an archive.
   *
   * @throws UserError for an archive that torch.save did not write
   * @throws ZipException when it is none, or truncated
   */
  PyTorchZip(Path file, long fileBytes) throws IOException {
    this.file = file;
    this.fileBytes = fileBytes;
    zip = new ZipFile(file.toFile());
    try {
      root = root();
      order = byteOrder();
    } catch (IOException | RuntimeException e) {
      zip.close();
      throw e;
    }
  }

  /** The folder in which everything lies; entries that are there twice mean what a reader likes. */
  private String root() throws IOException {
    if (zip.size() > Limits.ZIP_ENTRIES) {
      throw broken("it has " + zip.size() + " entries, allowed are " + Limits.ZIP_ENTRIES);
    }
    Set<String> names = new HashSet<>();
    String pickle = null;
    for (Enumeration<? extends ZipEntry> all = zip.entries(); all.hasMoreElements(); ) {
      String name = all.nextElement().getName();
      if (!names.add(name)) {
        throw broken("it has the entry " + FileBytes.show(name) + " twice");
      }
      if (name.equals(PICKLE) || name.endsWith("/" + PICKLE)) {
        if (pickle != null) {
          throw broken(
              "it has two state dicts: " + FileBytes.show(pickle) + ", " + FileBytes.show(name));
        }
        pickle = name;
      }
    }
    if (pickle == null) {
      throw broken("it is a zip archive without " + PICKLE);
    }
    String folder = pickle.substring(0, pickle.length() - PICKLE.length());
    if (names.contains(folder + "constants.pkl")) {
      throw broken(
          "it is a TorchScript program; save its weights:"
              + " torch.save(torch.jit.load(file).state_dict(), other)");
    }
    return folder;
  }

  /** Files from before PyTorch 2.1 have no entry for it and are little-endian. */
  private ByteOrder byteOrder() throws IOException {
    ZipEntry entry = zip.getEntry(root + "byteorder");
    if (entry == null) {
      return ByteOrder.LITTLE_ENDIAN;
    }
    String word = new String(bytes(entry), StandardCharsets.US_ASCII).strip();
    return switch (word) {
      case "little" -> ByteOrder.LITTLE_ENDIAN;
      case "big" -> ByteOrder.BIG_ENDIAN;
      default ->
          throw broken("its byteorder is '" + FileBytes.show(word) + "', known are little and big");
    };
  }

  /** The pickle that describes the tensors. */
  ByteBuffer pickle() throws IOException {
    ZipEntry entry = zip.getEntry(root + PICKLE);
    if (entry.getSize() > Limits.PICKLE) {
      throw broken(PICKLE + " has " + entry.getSize() + " bytes, allowed are " + Limits.PICKLE);
    }
    return ByteBuffer.wrap(bytes(entry));
  }

  /** The bytes of a storage, little-endian. */
  ByteBuffer storage(Storage storage) throws IOException {
    ZipEntry entry = zip.getEntry(root + "data/" + storage.key());
    if (entry == null) {
      throw broken("its storage data/" + FileBytes.show(storage.key()) + " is missing");
    }
    // Entries of one archive could share the same bytes and so grow without end.
    read += entry.getSize();
    if (read > fileBytes) {
      throw broken("its storages together are larger than the file");
    }
    byte[] bytes = bytes(entry);
    if (order == ByteOrder.BIG_ENDIAN) {
      if (storage.torchName().equals("UntypedStorage")) {
        throw broken("it comes from a big-endian machine and has storages without a type");
      }
      swap(bytes, storage.type().bytes());
    }
    return ByteBuffer.wrap(bytes);
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
  private byte[] bytes(ZipEntry entry) throws IOException {
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

  private UserError broken(String problem) {
    return PyTorchReader.broken(file, problem);
  }

  @Override
  public void close() throws IOException {
    zip.close();
  }
}
