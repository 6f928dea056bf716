package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/**
 * PyTorch's numbers, {@code torch-ops.json}, which {@code python tools/torch_op_numbers.py} makes.
 */
final class TorchNumbers {
  private static final JsonNode ALL = read();

  private TorchNumbers() {}

  private static JsonNode read() {
    try (InputStream in = TorchNumbers.class.getResourceAsStream("torch-ops.json")) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** PyTorch's cases of a kind, of which there are some. */
  static JsonNode cases(String kind) {
    JsonNode cases = ALL.path(kind);
    assertThat(cases).as("cases of %s in torch-ops.json", kind).isNotEmpty();
    return cases;
  }

  static double[] doubles(JsonNode array) {
    double[] values = new double[array.size()];
    // Text, because JSON has no NaN; as("nan") is Python's spelling.
    for (int i = 0; i < values.length; i++) {
      String text = array.get(i).asText();
      values[i] =
          switch (text) {
            case "nan" -> Double.NaN;
            case "inf" -> Double.POSITIVE_INFINITY;
            case "-inf" -> Double.NEGATIVE_INFINITY;
            default -> Double.parseDouble(text);
          };
    }
    return values;
  }

  static Shape shape(JsonNode s) {
    return new Shape(s.get(0).asInt(), s.get(1).asInt(), s.get(2).asInt(), s.get(3).asInt());
  }

  static Map<Slot, double[]> slots(JsonNode from, Slot... slots) {
    Map<Slot, double[]> values = new TreeMap<>();
    for (Slot slot : slots) {
      values.put(slot, doubles(from.get(slot.name().toLowerCase(Locale.ROOT))));
    }
    return values;
  }
}
