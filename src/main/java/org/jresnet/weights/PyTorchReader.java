package org.jresnet.weights;

import java.io.EOFException;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipException;
import org.jresnet.base.UserError;
import org.jresnet.weights.PickleCalls.Storage;

/**
 * Reads files as <a href="https://pytorch.org/docs/stable/generated/torch.save.html">torch.save</a>
 * writes them: the zip form (since 1.6) and the legacy sequence of pickles. Pickles are read as
 * data by {@link Unpickler}; {@link StateDictFinder} looks for the network in them.
 */
final class PyTorchReader {
  private static final BigInteger LEGACY_MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);

  private final Path file;
  private final long fileBytes;
  private final WeightFiles.Wanted wanted;

  PyTorchReader(Path file, long fileBytes, WeightFiles.Wanted wanted) {
    this.file = file;
    this.fileBytes = fileBytes;
    this.wanted = wanted;
  }

  static UserError broken(Path file, String problem) {
    return new UserError(file + " is not a PyTorch state dict that can be read: " + problem);
  }

  private UserError broken(String problem) {
    return broken(file, problem);
  }

  /**
   * Reads the zip form.
   *
   * @throws UserError naming file, entry and problem
   */
  StateDict readZip() throws IOException {
    try (PyTorchZip zip = new PyTorchZip(file, fileBytes)) {
      return stateDict(new Unpickler(zip.pickle()).read(), zip::storage);
    } catch (PickleException e) {
      throw broken(PyTorchZip.PICKLE + " cannot be read: " + e.getMessage());
    } catch (ZipException | EOFException e) {
      throw broken(
          "its zip directory is missing or damaged ("
              + FileBytes.show(e.getMessage())
              + "); it is probably truncated, get it again");
    }
  }

  /**
   * Reads the legacy form: magic number, protocol version, system information, the object, the list
   * of storage keys, then for each key the number of elements and the elements (always
   * little-endian).
   *
   * @throws UserError naming file and problem
   */
  StateDict readLegacy(FileChannel channel) throws IOException {
    if (fileBytes > Integer.MAX_VALUE - 8) {
      throw broken(
          "it has the legacy form and "
              + fileBytes
              + " bytes, more than the 2 GB supported; load and save it with PyTorch 1.6 or later");
    }
    try {
      return legacy(FileBytes.read(channel, 0, (int) fileBytes));
    } catch (PickleException e) {
      throw broken("it cannot be read: " + e.getMessage());
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
      // Anything can stand there, lists that contain themselves included: only texts are printed.
      String shown = "storage " + (key instanceof String name ? FileBytes.show(name) : "(no text)");
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
      if (found.put(storage.key(), bytes.slice(bytes.position(), length)) != null) {
        throw broken(shown + " is listed twice");
      }
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

  private StateDict stateDict(Object value, TensorViews.Source source) throws IOException {
    StateDictFinder.Found found = new StateDictFinder(file, wanted).find(value);
    TensorViews views = new TensorViews(file, fileBytes, source);
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    for (var e : found.views().entrySet()) {
      tensors.put(e.getKey(), views.tensor(e.getKey(), e.getValue()));
    }
    return new StateDict(tensors, Map.of(), found.notes());
  }
}
