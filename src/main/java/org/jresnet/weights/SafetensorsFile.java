package org.jresnet.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.RegularFile;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;

/**
 * A safetensors file of which only the header is read: tensors are mapped into memory when they are
 * asked for, so that a file of any size opens at once. {@link WeightFiles} reads files whole.
 */
public final class SafetensorsFile implements AutoCloseable {
  /**
   * A tensor of a file that is written, whose elements are made when their turn comes.
   *
   * @param name in the file
   * @param type of the elements
   * @param shape extents, row-major
   * @param data little-endian elements, position 0 to limit
   */
  public record Planned(String name, DType type, List<Long> shape, Supplier<ByteBuffer> data) {
    /** Copies the shape. */
    public Planned {
      shape = List.copyOf(shape);
    }

    /** Size of the elements. */
    public long bytes() {
      return HostTensor.bytes(type, shape);
    }

    ByteBuffer checkedData() {
      ByteBuffer made = data.get();
      if (made.remaining() != bytes()) {
        throw new IllegalStateException(
            name + " needs " + bytes() + " bytes, found " + made.remaining());
      }
      return made;
    }
  }

  private final FileChannel channel;
  private final long start;
  private final Map<String, String> metadata;
  private final Map<String, SafetensorsHeader.Entry> entries = new LinkedHashMap<>();

  private SafetensorsFile(FileChannel channel, Safetensors.Opened opened) {
    this.channel = channel;
    start = opened.start();
    metadata = Collections.unmodifiableMap(opened.header().metadata());
    opened.header().entries().forEach(e -> entries.put(e.name(), e));
  }

  /**
   * Opens a file and checks its header.
   *
   * @param what names the kind of file in messages, such as "the recording"
   * @throws UserError saying what is wrong with the file
   */
  public static SafetensorsFile open(Path file, String what) {
    RegularFile.require(file, what);
    FileChannel channel = null;
    try {
      channel = FileChannel.open(file);
      SafetensorsFile opened = new SafetensorsFile(channel, Safetensors.open(file, channel));
      channel = null;
      return opened;
    } catch (AccessDeniedException e) {
      throw new UserError(what + " " + file + " cannot be read: permission denied", e);
    } catch (IOException e) {
      throw new UserError(what + " " + file + " cannot be read: " + e.getMessage(), e);
    } finally {
      if (channel != null) {
        close(channel);
      }
    }
  }

  /**
   * Writes a file atomically, one tensor after the other.
   *
   * @throws UserError when it cannot be written; the old file is then untouched
   */
  public static void write(Path file, List<Planned> tensors, Map<String, String> metadata) {
    AtomicFile.write(file, out -> Safetensors.write(tensors, metadata, out));
  }

  /** Texts that came with the tensors. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /** Names of the tensors in the order of the header. */
  public List<String> names() {
    return List.copyOf(entries.keySet());
  }

  /** Whether there is a tensor of that name. */
  public boolean has(String name) {
    return entries.containsKey(name);
  }

  /** Type of a tensor's elements. */
  public DType type(String name) {
    return entry(name).type();
  }

  /** Extents of a tensor. */
  public List<Long> shape(String name) {
    return entry(name).shape();
  }

  /**
   * A tensor, mapped into memory: its pages are read when they are touched. It stays valid after
   * {@link #close}; the file must not become shorter meanwhile.
   */
  public HostTensor tensor(String name) {
    SafetensorsHeader.Entry e = entry(name);
    try {
      ByteBuffer data =
          channel
              .map(FileChannel.MapMode.READ_ONLY, start + e.begin(), e.end() - e.begin())
              .order(ByteOrder.LITTLE_ENDIAN);
      return new HostTensor(e.type(), e.shape(), data);
    } catch (IOException ex) {
      throw new UserError("the tensor " + name + " cannot be read: " + ex.getMessage(), ex);
    }
  }

  private SafetensorsHeader.Entry entry(String name) {
    SafetensorsHeader.Entry e = entries.get(name);
    if (e == null) {
      throw new IllegalArgumentException("no tensor is named " + name);
    }
    return e;
  }

  @Override
  public void close() {
    close(channel);
  }

  private static void close(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      // Nothing was written.
      throw new IllegalStateException(e);
    }
  }
}
