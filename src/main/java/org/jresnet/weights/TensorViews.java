package org.jresnet.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.weights.PickleCalls.Storage;
import org.jresnet.weights.PickleCalls.TensorView;

/** Turns views of storages into row-major tensors; a view that is one already shares its bytes. */
final class TensorViews {
  /** Gives the bytes of a storage, little-endian. */
  interface Source {
    /** Called once for each storage. */
    ByteBuffer read(Storage storage) throws IOException;
  }

  /** An extent above 1 and its stride, in elements. */
  private record Dimension(long extent, long stride) {}

  private final Path file;
  private final long fileBytes;
  private final Source source;
  private final Map<String, ByteBuffer> storages = new HashMap<>();
  private long viewed;

  TensorViews(Path file, long fileBytes, Source source) {
    this.file = file;
    this.fileBytes = fileBytes;
    this.source = source;
  }

  /**
   * The tensor that a view stands for.
   *
   * @throws org.jresnet.base.UserError when the view leaves its storage, or repeats it beyond
   *     {@link Limits}
   */
  HostTensor tensor(String name, TensorView view) throws IOException {
    int width = view.type().bytes();
    ByteBuffer bytes = bytes(view.storage());
    String shown =
        "tensor "
            + FileBytes.show(name)
            + " of shape "
            + view.shape()
            + ", strides "
            + view.strides()
            + " and offset "
            + view.offset();
    List<Dimension> dimensions = new ArrayList<>();
    long needed;
    long last = view.offset();
    try {
      needed = HostTensor.bytes(view.type(), view.shape());
      for (int d = 0; d < view.shape().size(); d++) {
        Dimension next = new Dimension(view.shape().get(d), view.strides().get(d));
        if (next.extent() > 1) {
          append(dimensions, next);
          last = Math.addExact(last, Math.multiplyExact(next.extent() - 1, next.stride()));
        }
      }
    } catch (ArithmeticException e) {
      throw broken(shown + " is larger than any file");
    }
    long held = view.storage().bytes() / width;
    if (needed > 0 && last >= held) {
      throw broken(shown + " leaves its storage of " + held + " elements");
    }
    viewed += needed;
    if (needed > Integer.MAX_VALUE - 8 || viewed > Limits.VIEW_FLOOR + Limits.SHARES * fileBytes) {
      throw broken(
          shown
              + " repeats its storage of "
              + held
              + " elements until the tensors are far larger than the file");
    }
    if (needed == 0) {
      return new HostTensor(view.type(), view.shape(), bytes.slice(0, 0));
    }
    int at = (int) (view.offset() * width);
    if (dimensions.isEmpty() || dimensions.size() == 1 && dimensions.get(0).stride() == 1) {
      return new HostTensor(view.type(), view.shape(), bytes.slice(at, (int) needed));
    }
    ByteBuffer out = ByteBuffer.allocate((int) needed).order(ByteOrder.LITTLE_ENDIAN);
    gather(bytes, at, dimensions, out, width);
    return new HostTensor(view.type(), view.shape(), out.flip());
  }

  /** Joins a dimension with the one before where they lie as one. */
  private static void append(List<Dimension> dimensions, Dimension next) {
    int last = dimensions.size() - 1;
    if (last >= 0
        && dimensions.get(last).stride() == Math.multiplyExact(next.extent(), next.stride())) {
      Dimension before = dimensions.get(last);
      dimensions.set(last, new Dimension(before.extent() * next.extent(), next.stride()));
    } else {
      dimensions.add(next);
    }
  }

  private ByteBuffer bytes(Storage storage) throws IOException {
    ByteBuffer bytes = storages.get(storage.key());
    if (bytes == null) {
      bytes = source.read(storage).order(ByteOrder.LITTLE_ENDIAN);
      if (storage.bytes() > bytes.remaining()) {
        throw broken(
            "storage "
                + FileBytes.show(storage.key())
                + " should hold "
                + storage.elements()
                + " elements of "
                + storage.type().bytes()
                + " bytes, found "
                + bytes.remaining()
                + " bytes; the file is truncated or damaged, get it again");
      }
      storages.put(storage.key(), bytes);
    }
    return bytes;
  }

  /**
   * Copies elements in row-major order. Every dimension has at least two elements, so the work is
   * that of the elements.
   */
  private static void gather(
      ByteBuffer in, int at, List<Dimension> dimensions, ByteBuffer out, int width) {
    int rank = dimensions.size();
    long[] index = new long[rank];
    while (true) {
      switch (width) {
        case 1 -> out.put(in.get(at));
        case 2 -> out.putShort(in.getShort(at));
        case 4 -> out.putInt(in.getInt(at));
        default -> out.putLong(in.getLong(at));
      }
      int d = rank - 1;
      while (d >= 0 && ++index[d] == dimensions.get(d).extent()) {
        at -= (int) ((dimensions.get(d).extent() - 1) * dimensions.get(d).stride() * width);
        index[d--] = 0;
      }
      if (d < 0) {
        return;
      }
      at += (int) (dimensions.get(d).stride() * width);
    }
  }

  private org.jresnet.base.UserError broken(String problem) {
    return PyTorchReader.broken(file, problem);
  }
}
