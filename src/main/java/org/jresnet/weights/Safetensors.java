package org.jresnet.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jresnet.graph.DType;
import org.jresnet.graph.UserError;

/**
 * The <a href="https://huggingface.co/docs/safetensors">safetensors</a> format: 8 bytes header
 * length, a JSON header with type, shape and byte range of each tensor, then the bytes. Everything
 * is checked before anything is allocated.
 */
public final class Safetensors {
  /** The reference implementation's limit. */
  private static final long MAX_HEADER = 100_000_000;

  private static final int LENGTH_BYTES = 8;
  private static final String METADATA = "__metadata__";
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private record Entry(String name, DType type, List<Long> shape, long begin, long end) {}

  private Safetensors() {}

  /**
   * Reads all tensors.
   *
   * @throws UserError naming file, tensor and problem
   */
  static StateDict read(Path file, FileChannel channel) throws IOException {
    long size = channel.size();
    ByteBuffer prefix = readFully(file, channel, 0, LENGTH_BYTES);
    long headerLength = prefix.getLong();
    if (headerLength < 2 || headerLength > MAX_HEADER) {
      throw broken(
          file,
          "the header claims "
              + Long.toUnsignedString(headerLength)
              + " bytes, allowed are 2 to "
              + MAX_HEADER);
    }
    if (LENGTH_BYTES + headerLength > size) {
      throw broken(
          file,
          "the header claims "
              + headerLength
              + " bytes, but the file has only "
              + size
              + "; it is truncated");
    }
    byte[] header = new byte[(int) headerLength];
    readFully(file, channel, LENGTH_BYTES, header.length).get(header);
    JsonNode root = parse(file, header);
    Map<String, String> metadata = new LinkedHashMap<>();
    List<Entry> entries = new ArrayList<>();
    for (var field : root.properties()) {
      if (field.getKey().equals(METADATA)) {
        field.getValue().properties().forEach(m -> metadata.put(m.getKey(), m.getValue().asText()));
      } else {
        entries.add(entry(file, field.getKey(), field.getValue()));
      }
    }
    long start = LENGTH_BYTES + headerLength;
    requireGapless(file, entries, size - start);
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    for (Entry e : entries) {
      int length = Math.toIntExact(e.end() - e.begin());
      tensors.put(
          e.name(),
          new HostTensor(e.type(), e.shape(), readFully(file, channel, start + e.begin(), length)));
    }
    return new StateDict(tensors, metadata);
  }

  private static JsonNode parse(Path file, byte[] header) {
    try {
      JsonNode root = JSON.readTree(header);
      if (root == null || !root.isObject()) {
        throw broken(file, "the header is no JSON object");
      }
      return root;
    } catch (JsonProcessingException e) {
      throw broken(file, "the header is no valid JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw broken(file, "the header is no valid text: " + e.getMessage());
    }
  }

  private static Entry entry(Path file, String name, JsonNode node) {
    String type = node.path("dtype").asText();
    DType dtype =
        Arrays.stream(DType.values())
            .filter(d -> d.name().equals(type))
            .findFirst()
            .orElseThrow(
                () -> broken(file, "tensor " + name + " has the unknown type '" + type + "'"));
    JsonNode offsets = node.path("data_offsets");
    if (!node.path("shape").isArray() || offsets.size() != 2) {
      throw broken(file, "tensor " + name + " lacks a shape or two data_offsets");
    }
    List<Long> shape = new ArrayList<>();
    for (JsonNode extent : node.path("shape")) {
      if (!extent.canConvertToLong() || extent.asLong() < 0) {
        throw broken(file, "tensor " + name + " has the impossible extent " + extent);
      }
      shape.add(extent.asLong());
    }
    long begin = offsets.get(0).asLong(-1);
    long end = offsets.get(1).asLong(-1);
    long needed;
    try {
      needed = Math.multiplyExact(HostTensor.elements(shape), dtype.bytes());
    } catch (ArithmeticException e) {
      throw broken(file, "tensor " + name + " has the impossible shape " + shape);
    }
    if (begin < 0 || end < begin || end - begin != needed) {
      throw broken(
          file,
          "tensor "
              + name
              + " of "
              + dtype
              + shape
              + " needs "
              + needed
              + " bytes, its offsets are "
              + begin
              + " to "
              + end);
    }
    if (needed > Integer.MAX_VALUE) {
      throw broken(
          file, "tensor " + name + " has " + needed + " bytes, more than the 2 GB supported");
    }
    return new Entry(name, dtype, shape, begin, end);
  }

  /** Tensors must cover the data exactly: overlaps and holes are how such files are abused. */
  private static void requireGapless(Path file, List<Entry> entries, long dataBytes) {
    List<Entry> sorted = new ArrayList<>(entries);
    sorted.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    long at = 0;
    String previous = "the start";
    for (Entry e : sorted) {
      if (e.begin() != at) {
        throw broken(
            file,
            "tensor "
                + e.name()
                + " starts at byte "
                + e.begin()
                + (e.begin() < at ? " and overlaps " : " and leaves a hole after ")
                + previous
                + ", which ends at "
                + at);
      }
      at = e.end();
      previous = e.name();
    }
    if (at != dataBytes) {
      throw broken(
          file,
          "the tensors need "
              + at
              + " bytes of data, the file has "
              + dataBytes
              + (at > dataBytes ? "; it is truncated" : ""));
    }
  }

  private static ByteBuffer readFully(Path file, FileChannel channel, long at, int length)
      throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining()) {
      int count = channel.read(bytes, at + bytes.position());
      if (count < 0) {
        throw broken(
            file,
            "it ends at byte "
                + channel.size()
                + ", expected were "
                + (at + length)
                + "; it is truncated");
      }
    }
    return bytes.flip();
  }

  private static UserError broken(Path file, String problem) {
    return new UserError(file + " is not a valid safetensors file: " + problem);
  }

  /** Writes all tensors; equal contents give equal bytes. */
  static void write(StateDict dict, FileChannel channel) throws IOException {
    ObjectNode root = JSON.createObjectNode();
    if (!dict.metadata().isEmpty()) {
      ObjectNode metadata = root.putObject(METADATA);
      dict.metadata().forEach(metadata::put);
    }
    // Wide types first, so that every tensor is aligned to its elements, as the reference
    // implementation does.
    List<Map.Entry<String, HostTensor>> order =
        dict.tensors().entrySet().stream()
            .sorted(Comparator.comparingInt(e -> -e.getValue().type().bytes()))
            .collect(Collectors.toList());
    long at = 0;
    for (var e : order) {
      ObjectNode node = root.putObject(e.getKey());
      node.put("dtype", e.getValue().type().name());
      e.getValue().shape().forEach(node.putArray("shape")::add);
      long end = at + e.getValue().data().remaining();
      node.putArray("data_offsets").add(at).add(end);
      at = end;
    }
    byte[] json = JSON.writeValueAsString(root).getBytes(StandardCharsets.UTF_8);
    int padded = (json.length + 7) / 8 * 8;
    ByteBuffer header = ByteBuffer.allocate(LENGTH_BYTES + padded).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(padded).put(json);
    while (header.hasRemaining()) {
      header.put((byte) ' ');
    }
    AtomicFile.writeFully(channel, header.flip());
    for (var e : order) {
      AtomicFile.writeFully(channel, e.getValue().data().duplicate());
    }
  }
}
