package org.jresnet.export;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.base.Float16;
import org.jresnet.base.ProtoMessage;
import org.jresnet.base.UserError;

/**
 * An ONNX graph, built node by node. The numbers are those of the fields in <a
 * href="https://github.com/onnx/onnx/blob/main/onnx/onnx.proto">onnx.proto</a>.
 */
final class OnnxGraph {
  /** Element types, with their numbers in TensorProto.DataType. */
  enum Type {
    FLOAT(1, 4),
    UINT8(2, 1),
    INT8(3, 1),
    INT32(6, 4),
    INT64(7, 8),
    FLOAT16(10, 2);

    private final int code;
    private final int bytes;

    Type(int code, int bytes) {
      this.code = code;
      this.bytes = bytes;
    }

    int code() {
      return code;
    }
  }

  private final ProtoMessage graph = new ProtoMessage();
  private final Map<String, ByteBuffer> constants = new LinkedHashMap<>();
  private int operations;

  OnnxGraph(String name) {
    graph.text(2, name);
  }

  /** Attributes of a node, in the order of their names. */
  static Map<String, Object> attributes(Object... namesAndValues) {
    Map<String, Object> attributes = new TreeMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      attributes.put((String) namesAndValues[i], namesAndValues[i + 1]);
    }
    return attributes;
  }

  /**
   * Adds a node with one output, which gives the node its name.
   *
   * @param attributes values are a Float, Long, String, or a list of Longs
   * @return the output
   */
  String node(String op, List<String> inputs, String output, Map<String, Object> attributes) {
    ProtoMessage node = new ProtoMessage();
    inputs.forEach(input -> node.text(1, input));
    node.text(2, output).text(3, output).text(4, op);
    attributes.forEach((name, value) -> node.message(5, attribute(name, value)));
    graph.message(1, node);
    operations++;
    return output;
  }

  /** Adds a node without attributes. */
  String node(String op, List<String> inputs, String output) {
    return node(op, inputs, output, Map.of());
  }

  /** Number of nodes so far. */
  int operations() {
    return operations;
  }

  private static ProtoMessage attribute(String name, Object value) {
    ProtoMessage attribute = new ProtoMessage().text(1, name);
    if (value instanceof Float real) {
      return attribute.real(2, real).number(20, 1);
    } else if (value instanceof Long number) {
      return attribute.number(3, number).number(20, 2);
    } else if (value instanceof String text) {
      return attribute.text(4, text).number(20, 3);
    }
    for (Object element : (List<?>) value) {
      attribute.number(8, (Long) element);
    }
    return attribute.number(20, 7);
  }

  /**
   * Adds a constant in single or half precision; the same again, such as the limits of a clip, is
   * there once.
   *
   * @return its name
   * @throws UserError when a value is too large for half precision
   */
  String floats(String name, List<Long> shape, float[] values, Type type) {
    ByteBuffer data = buffer(type, values.length);
    for (float value : values) {
      if (type == Type.FLOAT) {
        data.putFloat(value);
      } else {
        if (Math.abs(value) > Float16.LARGEST) {
          throw new UserError(
              "%s has the value %s, and half precision ends at %.0f; export it in fp32"
                  .formatted(name, value, Float16.LARGEST));
        }
        data.putShort(Float16.of(value));
      }
    }
    return constant(name, type, shape, data.flip());
  }

  /** Adds integers. */
  String longs(String name, long... values) {
    ByteBuffer data = buffer(Type.INT64, values.length);
    for (long value : values) {
      data.putLong(value);
    }
    return constant(name, Type.INT64, List.of((long) values.length), data.flip());
  }

  /** Adds quantised values, INT8, UINT8 or INT32. */
  String integers(String name, Type type, List<Long> shape, int[] values) {
    ByteBuffer data = buffer(type, values.length);
    for (int value : values) {
      if (type == Type.INT32) {
        data.putInt(value);
      } else {
        data.put((byte) value);
      }
    }
    return constant(name, type, shape, data.flip());
  }

  private static ByteBuffer buffer(Type type, int elements) {
    return ByteBuffer.allocate(Math.multiplyExact(elements, type.bytes))
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  private String constant(String name, Type type, List<Long> shape, ByteBuffer data) {
    ByteBuffer known = constants.putIfAbsent(name, data);
    if (known == null) {
      ProtoMessage tensor = new ProtoMessage();
      shape.forEach(extent -> tensor.number(1, extent));
      graph.message(5, tensor.number(2, type.code).text(8, name).bytes(9, data));
    } else if (!known.equals(data)) {
      throw new IllegalArgumentException("two constants are named " + name);
    }
    return name;
  }

  /**
   * Declares an input.
   *
   * @param shape of which each extent is a Long, or a name for what varies
   */
  void input(String name, Type type, List<Object> shape) {
    graph.message(11, value(name, type, shape));
  }

  /** Declares an output. */
  void output(String name, Type type, List<Object> shape) {
    graph.message(12, value(name, type, shape));
  }

  private static ProtoMessage value(String name, Type type, List<Object> shape) {
    ProtoMessage dimensions = new ProtoMessage();
    for (Object extent : shape) {
      ProtoMessage dimension = new ProtoMessage();
      dimensions.message(
          1,
          extent instanceof Long number
              ? dimension.number(1, number)
              : dimension.text(2, (String) extent));
    }
    ProtoMessage tensor = new ProtoMessage().number(1, type.code).message(2, dimensions);
    return new ProtoMessage().text(1, name).message(2, new ProtoMessage().message(1, tensor));
  }

  /** The finished graph. */
  ProtoMessage message() {
    return graph;
  }
}
