package org.jresnet.export;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;
import org.jresnet.weights.HostTensor;

/**
 * The constants of an ONNX file: its initializers, Constant nodes, and what Identity nodes call by
 * another name. Elements may lie in a second file beside the first, as torch's exporter puts them.
 */
final class OnnxConstants {
  private static final int FLOAT = 1;
  private static final int INT8 = 3;
  private static final int INT32 = 6;
  private static final int INT64 = 7;
  private static final int FLOAT16 = 10;
  private static final int DOUBLE = 11;
  private static final int BFLOAT16 = 16;
  private static final int MAX_NAMES = 100;

  private final Path file;
  private final Map<String, OnnxModel.Constant> constants;
  private final Map<String, String> otherNames = new HashMap<>();
  private final Map<String, OnnxModel.Node> quantized = new HashMap<>();

  OnnxConstants(Path file, OnnxModel model) {
    this.file = file;
    constants = new HashMap<>(model.constants());
    for (OnnxModel.Node node : model.nodes()) {
      if (node.outputs().isEmpty()) {
        continue;
      }
      String output = node.outputs().get(0);
      OnnxModel.Attribute value = node.attributes().get("value");
      if (node.op().equals("Constant") && value != null && value.constant().isPresent()) {
        constants.putIfAbsent(output, value.constant().get());
      } else if (node.op().equals("Identity") && !node.input(0).isEmpty()) {
        otherNames.put(output, node.input(0));
      } else if (node.op().equals("Cast") && isFloat(node.input(0))) {
        // Half-precision weights of int8 files; whoever reads them converts by himself.
        otherNames.put(output, node.input(0));
      } else if (node.op().equals("DequantizeLinear") && constants.containsKey(node.input(0))) {
        quantized.put(output, node);
      }
    }
  }

  private boolean isFloat(String name) {
    return find(name).filter(c -> c.type() == FLOAT || c.type() == FLOAT16).isPresent();
  }

  private Optional<OnnxModel.Constant> find(String name) {
    String at = name;
    for (int i = 0; i < MAX_NAMES && at != null; i++) {
      if (constants.containsKey(at)) {
        return Optional.of(constants.get(at));
      }
      at = otherNames.get(at);
    }
    return Optional.empty();
  }

  boolean has(String name) {
    return find(name).isPresent();
  }

  /** A constant's shape; empty for anything else. */
  List<Long> shape(String name) {
    OnnxModel.Node node = quantized.get(name);
    return find(node == null ? name : node.input(0))
        .map(OnnxModel.Constant::shape)
        .orElse(List.of());
  }

  /** The integers of a small constant, such as a shape; empty for anything else. */
  Optional<List<Long>> integers(String name) {
    Optional<OnnxModel.Constant> found = find(name).filter(c -> c.type() == INT64);
    if (found.isEmpty()) {
      return Optional.empty();
    }
    OnnxModel.Constant constant = found.get();
    if (constant.raw().isEmpty()) {
      return Optional.of(constant.integers());
    }
    ByteBuffer raw = constant.raw().get().duplicate().order(ByteOrder.LITTLE_ENDIAN);
    List<Long> values = new java.util.ArrayList<>();
    while (raw.remaining() >= Long.BYTES) {
      values.add(raw.getLong());
    }
    return Optional.of(values);
  }

  /** A number of any floating-point type; empty for anything else. */
  Optional<Float> number(String name) {
    if (find(name).isEmpty()) {
      return Optional.empty();
    }
    HostTensor tensor = tensor(name);
    return tensor.elements() == 1 ? Optional.of(tensor.toFloats()[0]) : Optional.empty();
  }

  /**
   * A floating-point constant.
   *
   * @throws UserError when it is of another type, incomplete, or in a file that is not there
   */
  HostTensor tensor(String name) {
    return quantized.containsKey(name) ? dequantized(name, quantized.get(name)) : plain(name);
  }

  private HostTensor plain(String name) {
    OnnxModel.Constant constant =
        find(name)
            .orElseThrow(
                () -> damaged(name, "is no constant: weights that are computed are not read"));
    DType type =
        switch (constant.type()) {
          case FLOAT -> DType.F32;
          case FLOAT16 -> DType.F16;
          case DOUBLE -> DType.F64;
          case BFLOAT16 -> DType.BF16;
          default ->
              throw damaged(
                  name, "has ONNX's element type " + constant.type() + ", expected floats");
        };
    try {
      if (constant.raw().isPresent()) {
        return new HostTensor(type, constant.shape(), constant.raw().get());
      } else if (!constant.external().isEmpty()) {
        return new HostTensor(type, constant.shape(), external(constant));
      } else if (type == DType.F32) {
        float[] values = new float[constant.reals().size()];
        for (int i = 0; i < values.length; i++) {
          values[i] = constant.reals().get(i);
        }
        return HostTensor.ofFloats(constant.shape(), values);
      }
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw damaged(name, "is damaged: " + e.getMessage());
    }
    throw damaged(name, "has no raw elements, which other types than FLOAT need here");
  }

  /** Integers times a scale per index of the first axis, as our int8 files have them. */
  private HostTensor dequantized(String name, OnnxModel.Node node) {
    OnnxModel.Constant integers = find(node.input(0)).orElseThrow();
    boolean wide = integers.type() == INT32;
    float[] scales = plain(node.input(1)).toFloats();
    ByteBuffer raw =
        integers.raw().orElse(ByteBuffer.allocate(0)).duplicate().order(ByteOrder.LITTLE_ENDIAN);
    int elements = wide ? raw.remaining() / Integer.BYTES : raw.remaining();
    if (!wide && integers.type() != INT8
        || scales.length == 0
        || elements % scales.length != 0
        || node.number("axis", 1) != 0
        || !zeros(node.input(2))) {
      throw damaged(
          name,
          "is quantised in another way than jresnet does it; read the file that it was"
              + " made from");
    }
    float[] values = new float[elements];
    for (int i = 0; i < elements; i++) {
      int integer = wide ? raw.getInt(i * Integer.BYTES) : raw.get(i);
      values[i] = integer * scales[i / (elements / scales.length)];
    }
    try {
      return HostTensor.ofFloats(integers.shape(), values);
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw damaged(name, "is damaged: " + e.getMessage());
    }
  }

  /** Whether there are no zero points but zeros. */
  private boolean zeros(String name) {
    ByteBuffer bytes = find(name).flatMap(OnnxModel.Constant::raw).orElse(ByteBuffer.allocate(0));
    ByteBuffer rest = bytes.duplicate();
    while (rest.hasRemaining()) {
      if (rest.get() != 0) {
        return false;
      }
    }
    return true;
  }

  /** Whether some are held as integers. */
  boolean quantized() {
    return !quantized.isEmpty();
  }

  private ByteBuffer external(OnnxModel.Constant constant) {
    String location = constant.external().getOrDefault("location", "");
    // A file from outside names only its neighbours.
    if (location.isEmpty()
        || location.equals("..")
        || location.equals(".")
        || location.matches("(?s).*[/\\\\\\x00].*")) {
      throw damaged(
          constant.name(),
          Text.format("is said to be in '%s'; expected a file in the same folder", location));
    }
    Path data = file.resolveSibling(location);
    if (!Files.isRegularFile(data, LinkOption.NOFOLLOW_LINKS)) {
      throw damaged(
          constant.name(),
          Text.format("is in %s, which is not there; put that file beside this one", data));
    }
    try (FileChannel channel = FileChannel.open(data)) {
      long offset = Long.parseLong(constant.external().getOrDefault("offset", "0"));
      long length =
          Long.parseLong(
              constant.external().getOrDefault("length", Long.toString(channel.size() - offset)));
      if (offset < 0 || length < 0 || length > channel.size() - offset) {
        throw damaged(
            constant.name(),
            Text.format(
                "is at byte %s of %s and %s bytes long, but that file has %s; it is truncated, get"
                    + " it again",
                offset, data, length, channel.size()));
      }
      ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(length));
      while (bytes.hasRemaining() && channel.read(bytes, offset + bytes.position()) >= 0) {
        continue;
      }
      return bytes.flip();
    } catch (NumberFormatException | IOException e) {
      throw damaged(constant.name(), Text.format("cannot be read from %s: %s", data, e));
    }
  }

  private UserError damaged(String name, String how) {
    return new UserError(Text.format("%s: the tensor '%s' %s", file, name, how));
  }
}
