package org.jresnet.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;

/**
 * The <a href="https://huggingface.co/docs/safetensors">safetensors</a> format: 8 bytes header
 * length, a JSON header with type, shape and byte range of each tensor, then the bytes. Everything
 * is checked before anything is allocated.
 */
final class Safetensors {
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
   * Reads all tensors, in the order of the header.
   *
   * @throws UserError naming file, tensor and problem
   */
  static StateDict read(Path file, FileChannel channel) throws IOException {
    try {
      long size = channel.size();
      long headerLength = FileBytes.read(channel, 0, LENGTH_BYTES).getLong();
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
                + "; it is truncated, get it again");
      }
      JsonNode root = parse(file, FileBytes.read(channel, LENGTH_BYTES, (int) headerLength));
      Map<String, String> metadata = new LinkedHashMap<>();
      List<Entry> entries = new ArrayList<>();
      for (var field : root.properties()) {
        if (field.getKey().equals(METADATA)) {
          readMetadata(file, field.getValue(), metadata);
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
            new HostTensor(
                e.type(), e.shape(), FileBytes.read(channel, start + e.begin(), length)));
      }
      return new StateDict(tensors, metadata);
    } catch (EOFException e) {
      throw broken(file, e.getMessage());
    }
  }

  private static JsonNode parse(Path file, ByteBuffer header) {
    try {
      // Decoded here, because Jackson would also guess UTF-16 and UTF-32.
      String text = StandardCharsets.UTF_8.newDecoder().decode(header).toString();
      JsonNode root = JSON.readTree(text);
      if (!root.isObject()) {
        throw broken(file, "the header is no JSON object");
      }
      return root;
    } catch (JsonProcessingException e) {
      throw broken(file, "the header is no valid JSON: " + e.getOriginalMessage());
    } catch (CharacterCodingException e) {
      throw broken(file, "the header is no UTF-8 text");
    }
  }

  private static void readMetadata(Path file, JsonNode node, Map<String, String> metadata) {
    if (!node.isObject()) {
      throw broken(file, METADATA + " is no JSON object");
    }
    for (var field : node.properties()) {
      if (!field.getValue().isTextual()) {
        throw broken(
            file, METADATA + " holds a value that is no text at " + FileBytes.show(field.getKey()));
      }
      metadata.put(field.getKey(), field.getValue().textValue());
    }
  }

  private static Entry entry(Path file, String name, JsonNode node) {
    String shown = "tensor " + FileBytes.show(name);
    JsonNode type = node.path("dtype");
    DType dtype =
        DType.ofFiles().stream()
            .filter(d -> d.name().equals(type.textValue()))
            .findFirst()
            .orElseThrow(
                () ->
                    broken(
                        file,
                        shown
                            + " has the type "
                            + FileBytes.show(type)
                            + ", known are "
                            + DType.ofFiles()));
    List<Long> shape = wholeNumbers(file, shown, node, "shape");
    List<Long> offsets = wholeNumbers(file, shown, node, "data_offsets");
    if (offsets.size() != 2) {
      throw broken(
          file, shown + " has " + offsets.size() + " data_offsets, expected begin and end");
    }
    long begin = offsets.get(0);
    long end = offsets.get(1);
    long needed;
    try {
      needed = HostTensor.bytes(dtype, shape);
    } catch (ArithmeticException e) {
      throw broken(file, shown + " has the impossible shape " + shape);
    }
    if (end < begin || end - begin != needed) {
      throw broken(
          file,
          shown
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
      throw broken(file, shown + " has " + needed + " bytes, more than the 2 GB supported");
    }
    return new Entry(name, dtype, shape, begin, end);
  }

  private static List<Long> wholeNumbers(Path file, String tensor, JsonNode node, String field) {
    JsonNode array = node.path(field);
    if (!array.isArray()) {
      throw broken(file, tensor + " has no list '" + field + "'");
    }
    List<Long> numbers = new ArrayList<>();
    for (JsonNode number : array) {
      if (!number.isIntegralNumber() || !number.canConvertToLong() || number.longValue() < 0) {
        throw broken(
            file, tensor + " has the impossible " + field + " value " + FileBytes.show(number));
      }
      numbers.add(number.longValue());
    }
    return numbers;
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
                + FileBytes.show(e.name())
                + " starts at byte "
                + e.begin()
                + (e.begin() < at ? " and overlaps " : " and leaves a hole after ")
                + previous
                + ", which ends at "
                + at);
      }
      at = e.end();
      previous = FileBytes.show(e.name());
    }
    if (at != dataBytes) {
      throw broken(
          file,
          "the tensors need "
              + at
              + " bytes of data, the file has "
              + dataBytes
              + (at > dataBytes ? "; it is truncated, get it again" : ""));
    }
  }

  private static UserError broken(Path file, String problem) {
    return new UserError(file + " is not a valid safetensors file: " + problem);
  }

  /** Writes all tensors; equal contents give equal bytes. */
  static void write(StateDict dict, FileChannel channel) throws IOException {
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
      dict.metadata().forEach(root.putObject(METADATA)::put);
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
