package org.jresnet.weights;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.UserError;

/**
 * The <a href="https://huggingface.co/docs/safetensors">safetensors</a> format: 8 bytes header
 * length, a JSON header with type, shape and byte range of each tensor, then the bytes. Everything
 * is checked before anything is allocated, see {@link SafetensorsHeader}.
 */
final class Safetensors {
  private static final int LENGTH_BYTES = 8;
  private static final ObjectMapper JSON = new ObjectMapper();

  private Safetensors() {}

  /**
   * The header, and where the data begin.
   *
   * @param start first byte of the data, from which the header counts
   */
  record Opened(SafetensorsHeader header, long start) {}

  /**
   * Reads all tensors, in the order of the header.
   *
   * @throws UserError naming file, tensor and problem
   */
  static StateDict read(Path file, FileChannel channel) throws IOException {
    Opened opened = open(file, channel);
    try {
      Map<String, HostTensor> tensors = new LinkedHashMap<>();
      for (SafetensorsHeader.Entry e : opened.header.entries()) {
        int length = Math.toIntExact(e.end() - e.begin());
        tensors.put(
            e.name(),
            new HostTensor(
                e.type(), e.shape(), FileBytes.read(channel, opened.start + e.begin(), length)));
      }
      return new StateDict(tensors, opened.header.metadata());
    } catch (EOFException e) {
      throw broken(file, e.getMessage());
    }
  }

  /**
   * Reads and checks the header alone.
   *
   * @throws UserError naming file, tensor and problem
   */
  static Opened open(Path file, FileChannel channel) throws IOException {
    try {
      long size = channel.size();
      long headerLength = FileBytes.read(channel, 0, LENGTH_BYTES).getLong();
      if (headerLength < 2 || headerLength > Limits.HEADER) {
        throw broken(
            file,
            "the header claims "
                + Long.toUnsignedString(headerLength)
                + " bytes, allowed are 2 to "
                + Limits.HEADER);
      }
      if (LENGTH_BYTES + headerLength > size) {
        throw broken(
            file,
            "the header claims "
                + headerLength
                + " bytes, but the file has only "
                + size
                + "; it is truncated, get it again");
      }
      long start = LENGTH_BYTES + headerLength;
      SafetensorsHeader header =
          new SafetensorsHeader(
              file, FileBytes.read(channel, LENGTH_BYTES, (int) headerLength), size - start);
      return new Opened(header, start);
    } catch (EOFException e) {
      throw broken(file, e.getMessage());
    }
  }

  static UserError broken(Path file, String problem) {
    return new UserError(file + " is not a valid safetensors file: " + problem);
  }

  /** Writes all tensors; equal contents give equal bytes. */
  static void write(StateDict dict, FileChannel channel) throws IOException {
    List<SafetensorsFile.Planned> planned = new ArrayList<>();
    dict.tensors()
        .forEach(
            (name, tensor) ->
                planned.add(
                    new SafetensorsFile.Planned(
                        name, tensor.type(), tensor.shape(), tensor::data)));
    write(planned, dict.metadata(), channel);
  }

  /** The same of tensors that are made one after the other. */
  static void write(
      List<SafetensorsFile.Planned> tensors, Map<String, String> metadata, FileChannel channel)
      throws IOException {
    for (SafetensorsFile.Planned tensor : tensors) {
      TensorNames.check(tensor.name())
          .ifPresent(
              problem -> {
                throw new UserError("a safetensors file cannot be written: " + problem);
              });
    }
    // The header keeps the given order. The data put wide types first, as the reference
    // implementation does, so that every tensor is aligned to its elements.
    List<SafetensorsFile.Planned> order = new ArrayList<>(tensors);
    order.sort(Comparator.comparingInt(t -> -t.type().bytes()));
    Map<String, Long> begins = new LinkedHashMap<>();
    long at = 0;
    for (SafetensorsFile.Planned tensor : order) {
      begins.put(tensor.name(), at);
      at += tensor.bytes();
    }
    ObjectNode root = JSON.createObjectNode();
    if (!metadata.isEmpty()) {
      metadata.forEach(root.putObject(TensorNames.METADATA)::put);
    }
    for (SafetensorsFile.Planned tensor : tensors) {
      ObjectNode node = root.putObject(tensor.name());
      node.put("dtype", tensor.type().name());
      tensor.shape().forEach(node.putArray("shape")::add);
      long begin = begins.get(tensor.name());
      node.putArray("data_offsets").add(begin).add(begin + tensor.bytes());
    }
    byte[] json = JSON.writeValueAsString(root).getBytes(StandardCharsets.UTF_8);
    int padded = (json.length + 7) / 8 * 8;
    ByteBuffer header = ByteBuffer.allocate(LENGTH_BYTES + padded).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(padded).put(json);
    while (header.hasRemaining()) {
      header.put((byte) ' ');
    }
    AtomicFile.writeFully(channel, header.flip());
    for (SafetensorsFile.Planned tensor : order) {
      AtomicFile.writeFully(channel, tensor.checkedData());
    }
  }
}
