package org.jresnet.weights;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;

/**
 * The JSON header of a safetensors file, read token by token: nothing is built before its check.
 */
final class SafetensorsHeader {
  /** A tensor's description; its bytes count from the end of the header. */
  record Entry(String name, DType type, List<Long> shape, long begin, long end) {}

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          // Jackson's table of names takes names that collide for an attack.
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(Limits.NESTING)
                  .maxNameLength(Limits.METADATA)
                  .maxStringLength(Limits.METADATA)
                  .build())
          .build();

  private final Path file;
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private final List<Entry> entries = new ArrayList<>();

  /**
   * Parses a header.
   *
   * @param dataBytes what follows it in the file
   * @throws UserError naming file, tensor and problem
   */
  SafetensorsHeader(Path file, ByteBuffer header, long dataBytes) throws IOException {
    this.file = file;
    try (JsonParser in = parser(header)) {
      if (in.nextToken() != JsonToken.START_OBJECT) {
        throw broken("the header is no JSON object");
      }
      while (in.nextToken() != JsonToken.END_OBJECT) {
        String name = in.currentName();
        in.nextToken();
        if (name.equals(TensorNames.METADATA)) {
          readMetadata(in);
        } else {
          readEntry(name, in);
        }
      }
      if (in.nextToken() != null) {
        throw broken("the header is no valid JSON: something follows its end");
      }
    } catch (JsonProcessingException e) {
      throw broken("the header is no valid JSON: " + FileBytes.show(e.getOriginalMessage()));
    } catch (CharacterCodingException e) {
      throw broken("the header is no UTF-8 text");
    }
    requireGapless(dataBytes);
  }

  /** Tokens of UTF-8 text in an array; no name may be there twice. */
  static JsonParser parser(ByteBuffer utf8) throws IOException {
    // Decoded here, because Jackson would also guess UTF-16 and UTF-32.
    return JSON.createParser(
        new InputStreamReader(
            new ByteArrayInputStream(
                utf8.array(), utf8.arrayOffset() + utf8.position(), utf8.remaining()),
            StandardCharsets.UTF_8.newDecoder()));
  }

  /** Texts that came with the tensors. */
  Map<String, String> metadata() {
    return metadata;
  }

  /** The tensors in the header's order. */
  List<Entry> entries() {
    return entries;
  }

  private void readMetadata(JsonParser in) throws IOException {
    if (in.currentToken() != JsonToken.START_OBJECT) {
      throw broken(TensorNames.METADATA + " is no JSON object");
    }
    long characters = 0;
    while (in.nextToken() != JsonToken.END_OBJECT) {
      String key = in.currentName();
      if (in.nextToken() != JsonToken.VALUE_STRING) {
        throw broken(
            TensorNames.METADATA + " holds a value that is no text at " + FileBytes.show(key));
      }
      String value = in.getText();
      characters += key.length() + value.length();
      if (characters > Limits.METADATA) {
        throw broken(TensorNames.METADATA + " has more than " + Limits.METADATA + " characters");
      }
      if (!TensorNames.isText(key) || !TensorNames.isText(value)) {
        throw broken(
            TensorNames.METADATA
                + " holds half a surrogate pair, which is no text, at "
                + FileBytes.show(key));
      }
      metadata.put(key, value);
    }
  }

  private void readEntry(String name, JsonParser in) throws IOException {
    TensorNames.check(name)
        .ifPresent(
            problem -> {
              throw broken(problem);
            });
    if (entries.size() == Limits.TENSORS) {
      throw broken("it describes more than " + Limits.TENSORS + " tensors");
    }
    String shown = "tensor " + FileBytes.show(name);
    String type = null;
    List<Long> shape = null;
    List<Long> offsets = null;
    if (in.currentToken() == JsonToken.START_OBJECT) {
      while (in.nextToken() != JsonToken.END_OBJECT) {
        String field = in.currentName();
        JsonToken value = in.nextToken();
        switch (field) {
          case "dtype" -> {
            type = value == JsonToken.VALUE_STRING ? '"' + in.getText() + '"' : value.asString();
            in.skipChildren();
          }
          case "shape" -> shape = wholeNumbers(shown, in, field);
          case "data_offsets" -> offsets = wholeNumbers(shown, in, field);
          default -> in.skipChildren();
        }
      }
    } else {
      in.skipChildren();
    }
    DType known = type(shown, type);
    entries.add(
        entry(
            name, known, require(shown, shape, "shape"), require(shown, offsets, "data_offsets")));
  }

  private List<Long> require(String tensor, List<Long> numbers, String field) {
    if (numbers == null) {
      throw broken(tensor + " has no list '" + field + "'");
    }
    return numbers;
  }

  private DType type(String tensor, String found) {
    return DType.ofFiles().stream()
        .filter(d -> ('"' + d.name() + '"').equals(found))
        .findFirst()
        .orElseThrow(
            () ->
                broken(
                    tensor
                        + " has the type "
                        + FileBytes.show(found)
                        + ", known are "
                        + DType.ofFiles()));
  }

  private Entry entry(String name, DType type, List<Long> shape, List<Long> offsets) {
    String shown = "tensor " + FileBytes.show(name);
    if (offsets.size() != 2) {
      throw broken(shown + " has " + offsets.size() + " data_offsets, expected begin and end");
    }
    long begin = offsets.get(0);
    long end = offsets.get(1);
    long needed;
    try {
      needed = HostTensor.bytes(type, shape);
    } catch (ArithmeticException e) {
      throw broken(shown + " has the impossible shape " + shape);
    }
    if (end < begin || end - begin != needed) {
      throw broken(
          shown
              + " of "
              + type
              + shape
              + " needs "
              + needed
              + " bytes, its offsets are "
              + begin
              + " to "
              + end);
    }
    if (needed > Integer.MAX_VALUE) {
      throw broken(shown + " has " + needed + " bytes, more than the 2 GB supported");
    }
    return new Entry(name, type, shape, begin, end);
  }

  private List<Long> wholeNumbers(String tensor, JsonParser in, String field) throws IOException {
    if (in.currentToken() != JsonToken.START_ARRAY) {
      throw broken(tensor + " has no list '" + field + "'");
    }
    List<Long> numbers = new ArrayList<>();
    while (in.nextToken() != JsonToken.END_ARRAY) {
      if (numbers.size() == Limits.RANK) {
        throw broken(tensor + " has a " + field + " of more than " + Limits.RANK + " numbers");
      }
      if (in.currentToken() != JsonToken.VALUE_NUMBER_INT
          || in.getNumberType() == JsonParser.NumberType.BIG_INTEGER
          || in.getLongValue() < 0) {
        throw broken(
            tensor
                + " has the impossible "
                + field
                + " value "
                + FileBytes.show(in.currentToken().isStructStart() ? "list" : in.getText()));
      }
      numbers.add(in.getLongValue());
    }
    return List.copyOf(numbers);
  }

  /** Tensors must cover the data exactly: overlaps and holes are how such files are abused. */
  private void requireGapless(long dataBytes) {
    List<Entry> sorted = new ArrayList<>(entries);
    sorted.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    long at = 0;
    Entry previous = null;
    for (Entry e : sorted) {
      if (e.begin() != at) {
        throw broken(
            "tensor "
                + FileBytes.show(e.name())
                + " starts at byte "
                + e.begin()
                + (e.begin() < at ? " and overlaps " : " and leaves a hole after ")
                + (previous == null ? "the start" : FileBytes.show(previous.name()))
                + ", which ends at "
                + at);
      }
      at = e.end();
      previous = e;
    }
    if (at != dataBytes) {
      throw broken(
          "the tensors need "
              + at
              + " bytes of data, the file has "
              + dataBytes
              + (at > dataBytes ? "; it is truncated, get it again" : ""));
    }
  }

  private UserError broken(String problem) {
    return Safetensors.broken(file, problem);
  }
}
