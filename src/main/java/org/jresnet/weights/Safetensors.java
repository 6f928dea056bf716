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
   * Reads all tensors, in the order of the header.
   *
   * @throws UserError naming file, tensor and problem
   */
  static StateDict read(Path file, FileChannel channel) throws IOException {
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
      Map<String, HostTensor> tensors = new LinkedHashMap<>();
      for (SafetensorsHeader.Entry e : header.entries()) {
        int length = Math.toIntExact(e.end() - e.begin());
        tensors.put(
            e.name(),
            new HostTensor(
                e.type(), e.shape(), FileBytes.read(channel, start + e.begin(), length)));
      }
      return new StateDict(tensors, header.metadata());
    } catch (EOFException e) {
      throw broken(file, e.getMessage());
    }
  }

  static UserError broken(Path file, String problem) {
    return new UserError(file + " is not a valid safetensors file: " + problem);
  }

  /** Writes all tensors; equal contents give equal bytes. */
  static void write(StateDict dict, FileChannel channel) throws IOException {
    for (String name : dict.tensors().keySet()) {
      TensorNames.check(name)
          .ifPresent(
              problem -> {
                throw new UserError("a safetensors file cannot be written: " + problem);
              });
    }
    // The header keeps the dict's order. The data put wide types first, as the reference
    // implementation does, so that every tensor is aligned to its elements.
    List<Map.Entry<String, HostTensor>> order = new ArrayList<>(dict.tensors().entrySet());
    order.sort(Comparator.comparingInt(e -> -e.getValue().type().bytes()));
    Map<String, Long> begins = new LinkedHashMap<>();
    long at = 0;
    for (var e : order) {
      begins.put(e.getKey(), at);
      at += e.getValue().data().remaining();
    }
    ObjectNode root = JSON.createObjectNode();
    if (!dict.metadata().isEmpty()) {
      dict.metadata().forEach(root.putObject(TensorNames.METADATA)::put);
    }
    dict.tensors()
        .forEach(
            (name, tensor) -> {
              ObjectNode node = root.putObject(name);
              node.put("dtype", tensor.type().name());
              tensor.shape().forEach(node.putArray("shape")::add);
              long begin = begins.get(name);
              node.putArray("data_offsets").add(begin).add(begin + tensor.data().remaining());
            });
    byte[] json = JSON.writeValueAsString(root).getBytes(StandardCharsets.UTF_8);
    int padded = (json.length + 7) / 8 * 8;
    ByteBuffer header = ByteBuffer.allocate(LENGTH_BYTES + padded).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(padded).put(json);
    while (header.hasRemaining()) {
      header.put((byte) ' ');
    }
    AtomicFile.writeFully(channel, header.flip());
    for (var e : order) {
      AtomicFile.writeFully(channel, e.getValue().data());
    }
  }
}
