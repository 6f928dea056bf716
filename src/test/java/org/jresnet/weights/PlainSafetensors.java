package org.jresnet.weights;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jresnet.graph.DType;

/**
 * A second reader of safetensors, slow and plain: a JSON tree, whole numbers without limits, and a
 * count for each byte of how many tensors own it.
 */
final class PlainSafetensors {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private PlainSafetensors() {}

  /** Name to type, shape and bytes; empty for what is no such file. */
  static Optional<Map<String, String>> read(byte[] file) {
    try {
      return Optional.of(parse(file));
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** The same of what the product read. */
  static Map<String, String> describe(StateDict dict) {
    Map<String, String> described = new LinkedHashMap<>();
    dict.tensors()
        .forEach(
            (name, t) -> {
              byte[] bytes = new byte[t.data().remaining()];
              t.data().get(bytes);
              described.put(name, t.type() + " " + t.shape() + " " + Arrays.toString(bytes));
            });
    return described;
  }

  private static Map<String, String> parse(byte[] file) throws IOException {
    require(file.length >= 8);
    BigInteger length =
        new BigInteger(
            Long.toUnsignedString(ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong()));
    require(length.compareTo(BigInteger.valueOf(file.length - 8L)) <= 0);
    int start = 8 + length.intValue();
    String text =
        StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(file, 8, start - 8)).toString();
    JsonNode root = JSON.readTree(text);
    require(root.isObject() && depth(root) <= Limits.NESTING);
    int[] owners = new int[file.length - start];
    Map<String, String> tensors = new LinkedHashMap<>();
    for (var field : root.properties()) {
      JsonNode node = field.getValue();
      require(field.getKey().length() <= Limits.NAME || field.getKey().startsWith("__meta"));
      require(text(field.getKey()) && node.isObject());
      if (field.getKey().equals("__metadata__")) {
        for (var entry : node.properties()) {
          require(entry.getValue().isTextual() && text(entry.getKey()));
          require(text(entry.getValue().textValue()));
        }
        continue;
      }
      DType type = DType.valueOf(node.path("dtype").asText("?"));
      require(node.path("dtype").isTextual() && type != DType.TF32);
      BigInteger bytes = BigInteger.valueOf(type.bytes());
      BigInteger most = bytes;
      require(node.path("shape").isArray() && node.path("shape").size() <= Limits.RANK);
      for (JsonNode extent : node.path("shape")) {
        require(extent.isIntegralNumber() && extent.bigIntegerValue().signum() >= 0);
        require(extent.canConvertToLong());
        bytes = bytes.multiply(extent.bigIntegerValue());
        most = most.multiply(extent.bigIntegerValue().max(BigInteger.ONE));
      }
      require(most.bitLength() < 64);
      JsonNode offsets = node.path("data_offsets");
      require(offsets.isArray() && offsets.size() == 2);
      require(offsets.get(0).isIntegralNumber() && offsets.get(1).isIntegralNumber());
      BigInteger begin = offsets.get(0).bigIntegerValue();
      BigInteger end = offsets.get(1).bigIntegerValue();
      require(begin.signum() >= 0 && end.subtract(begin).equals(bytes));
      require(end.compareTo(BigInteger.valueOf(owners.length)) <= 0);
      for (int i = begin.intValue(); i < end.intValue(); i++) {
        owners[i]++;
      }
      byte[] data = Arrays.copyOfRange(file, start + begin.intValue(), start + end.intValue());
      // Empty tensors may only lie where others begin or end.
      if (data.length == 0) {
        require(begin.intValue() == 0 || begin.intValue() == owners.length || edge(root, begin));
      }
      tensors.put(
          field.getKey(), type + " " + shape(node.path("shape")) + " " + Arrays.toString(data));
    }
    require(Arrays.stream(owners).allMatch(n -> n == 1));
    return tensors;
  }

  private static boolean edge(JsonNode root, BigInteger at) {
    for (var field : root.properties()) {
      JsonNode offsets = field.getValue().path("data_offsets");
      if (offsets.size() == 2
          && !offsets.get(0).bigIntegerValue().equals(offsets.get(1).bigIntegerValue())
          && offsets.get(0).bigIntegerValue().equals(at)) {
        return true;
      }
    }
    return false;
  }

  private static String shape(JsonNode shape) {
    StringBuilder text = new StringBuilder("[");
    for (JsonNode extent : shape) {
      text.append(text.length() > 1 ? ", " : "").append(extent.longValue());
    }
    return text.append("]").toString();
  }

  private static int depth(JsonNode node) {
    int deepest = 0;
    for (JsonNode child : node) {
      deepest = Math.max(deepest, depth(child));
    }
    return node.isContainerNode() ? deepest + 1 : 0;
  }

  private static boolean text(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return new String(utf8, StandardCharsets.UTF_8).equals(text);
  }

  private static void require(boolean condition) {
    if (!condition) {
      throw new IllegalArgumentException("no safetensors file");
    }
  }
}
