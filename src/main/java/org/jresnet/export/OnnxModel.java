package org.jresnet.export;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An ONNX model as it is in its file: nothing is checked but that it can be read.
 *
 * @param opset version of ONNX's own operators
 * @param nodes in the file's order
 * @param constants by name
 * @param inputs names, without those of constants
 * @param outputs names
 * @param metadata texts by name
 */
record OnnxModel(
    long opset,
    List<Node> nodes,
    Map<String, Constant> constants,
    List<String> inputs,
    List<String> outputs,
    Map<String, String> metadata) {
  /** More than any network has, and little memory. */
  private static final int MAX_PARTS = 100_000;

  /**
   * A node.
   *
   * @param name empty where it has none
   * @param domain empty for ONNX's own operators
   */
  record Node(
      String op,
      String name,
      String domain,
      List<String> inputs,
      List<String> outputs,
      Map<String, Attribute> attributes) {
    /** For messages. */
    @Override
    public String toString() {
      String shown = !name.isEmpty() ? name : outputs.isEmpty() ? "" : outputs.get(0);
      return op + " " + shown;
    }

    long number(String attribute, long whenAbsent) {
      Attribute found = attributes.get(attribute);
      return found == null ? whenAbsent : found.number;
    }

    float real(String attribute, float whenAbsent) {
      Attribute found = attributes.get(attribute);
      return found == null ? whenAbsent : found.real;
    }

    List<Long> numbers(String attribute, List<Long> whenAbsent) {
      Attribute found = attributes.get(attribute);
      return found == null ? whenAbsent : found.numbers;
    }

    String text(String attribute, String whenAbsent) {
      Attribute found = attributes.get(attribute);
      return found == null ? whenAbsent : found.text;
    }

    /** Name of an input; empty where it is left out. */
    String input(int i) {
      return i < inputs.size() ? inputs.get(i) : "";
    }
  }

  /** What an attribute can be, of which one is there. */
  record Attribute(
      long number, float real, String text, List<Long> numbers, Optional<Constant> constant) {}

  /**
   * A tensor.
   *
   * @param type number in TensorProto.DataType
   * @param raw little-endian elements; empty where they are elsewhere
   * @param reals elements of a FLOAT that is not raw
   * @param integers elements of an INT64 that is not raw
   * @param external where the elements are, if in another file: location, offset, length
   */
  record Constant(
      String name,
      int type,
      List<Long> shape,
      Optional<ByteBuffer> raw,
      List<Float> reals,
      List<Long> integers,
      Map<String, String> external) {}

  /**
   * Reads a model.
   *
   * @throws IllegalArgumentException saying what is wrong with the bytes
   */
  static OnnxModel read(ByteBuffer bytes) {
    long[] opset = {0};
    List<ProtoReader> graphs = new ArrayList<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    ProtoReader in = new ProtoReader(bytes);
    while (in.next()) {
      switch (in.field()) {
        case 7 -> graphs.add(in.message());
        case 8 -> opset(in.message(), opset);
        case 14 -> entry(in.message(), metadata);
        default -> in.skip();
      }
    }
    if (graphs.size() != 1) {
      throw new IllegalArgumentException("it has " + graphs.size() + " graphs, expected one");
    }
    return graph(graphs.get(0), opset[0], metadata);
  }

  private static void opset(ProtoReader in, long[] own) {
    String domain = "";
    long version = 0;
    while (in.next()) {
      switch (in.field()) {
        case 1 -> domain = in.text();
        case 2 -> version = in.number();
        default -> in.skip();
      }
    }
    if (domain.isEmpty() || domain.equals("ai.onnx")) {
      own[0] = version;
    }
  }

  private static void entry(ProtoReader in, Map<String, String> to) {
    String key = "";
    String value = "";
    while (in.next()) {
      switch (in.field()) {
        case 1 -> key = in.text();
        case 2 -> value = in.text();
        default -> in.skip();
      }
    }
    bounded(to.size());
    to.put(key, value);
  }

  private static void bounded(int parts) {
    if (parts >= MAX_PARTS) {
      throw new IllegalArgumentException("it has more than " + MAX_PARTS + " parts of one kind");
    }
  }

  private static OnnxModel graph(ProtoReader in, long opset, Map<String, String> metadata) {
    List<Node> nodes = new ArrayList<>();
    Map<String, Constant> constants = new HashMap<>();
    List<String> inputs = new ArrayList<>();
    List<String> outputs = new ArrayList<>();
    while (in.next()) {
      switch (in.field()) {
        case 1 -> {
          bounded(nodes.size());
          nodes.add(node(in.message()));
        }
        case 5 -> {
          bounded(constants.size());
          Constant constant = constant(in.message());
          if (constants.put(constant.name, constant) != null) {
            throw new IllegalArgumentException("two tensors are named " + constant.name);
          }
        }
        case 11 -> {
          bounded(inputs.size());
          inputs.add(name(in.message()));
        }
        case 12 -> {
          bounded(outputs.size());
          outputs.add(name(in.message()));
        }
        default -> in.skip();
      }
    }
    // Files of old versions list their constants among the inputs, too.
    inputs.removeAll(constants.keySet());
    return new OnnxModel(
        opset,
        List.copyOf(nodes),
        Collections.unmodifiableMap(constants),
        List.copyOf(inputs),
        List.copyOf(outputs),
        Collections.unmodifiableMap(metadata));
  }

  private static String name(ProtoReader in) {
    String name = "";
    while (in.next()) {
      if (in.field() == 1) {
        name = in.text();
      } else {
        in.skip();
      }
    }
    return name;
  }

  private static Node node(ProtoReader in) {
    String op = "";
    String name = "";
    String domain = "";
    List<String> inputs = new ArrayList<>();
    List<String> outputs = new ArrayList<>();
    Map<String, Attribute> attributes = new HashMap<>();
    while (in.next()) {
      switch (in.field()) {
        case 1 -> inputs.add(in.text());
        case 2 -> outputs.add(in.text());
        case 3 -> name = in.text();
        case 4 -> op = in.text();
        case 5 -> attribute(in.message(), attributes);
        case 7 -> domain = in.text();
        default -> in.skip();
      }
    }
    return new Node(op, name, domain, inputs, outputs, attributes);
  }

  private static void attribute(ProtoReader in, Map<String, Attribute> to) {
    String name = "";
    long number = 0;
    float real = 0;
    String text = "";
    List<Long> numbers = new ArrayList<>();
    Optional<Constant> constant = Optional.empty();
    while (in.next()) {
      switch (in.field()) {
        case 1 -> name = in.text();
        case 2 -> real = in.real();
        case 3 -> number = in.number();
        case 4 -> text = in.text();
        case 5 -> constant = Optional.of(constant(in.message()));
        case 8 -> numbers(in, numbers);
        default -> in.skip();
      }
    }
    to.put(name, new Attribute(number, real, text, numbers, constant));
  }

  private static void numbers(ProtoReader in, List<Long> to) {
    if (in.packed()) {
      ProtoReader list = in.message();
      while (list.more()) {
        to.add(list.varint());
      }
    } else {
      to.add(in.number());
    }
  }

  private static Constant constant(ProtoReader in) {
    String name = "";
    int type = 0;
    List<Long> shape = new ArrayList<>();
    Optional<ByteBuffer> raw = Optional.empty();
    List<Float> reals = new ArrayList<>();
    List<Long> integers = new ArrayList<>();
    Map<String, String> external = new HashMap<>();
    while (in.next()) {
      switch (in.field()) {
        case 1 -> numbers(in, shape);
        case 2 -> type = (int) in.number();
        case 4 -> {
          if (in.packed()) {
            ByteBuffer values = in.bytes();
            while (values.remaining() >= Float.BYTES) {
              reals.add(values.getFloat());
            }
          } else {
            reals.add(in.real());
          }
        }
        case 7 -> numbers(in, integers);
        case 8 -> name = in.text();
        case 9 -> raw = Optional.of(in.bytes());
        case 13 -> entry(in.message(), external);
        default -> in.skip();
      }
    }
    return new Constant(name, type, shape, raw, reals, integers, external);
  }
}
