package org.jresnet.export;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jresnet.base.RegularFile;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Parameter;
import org.jresnet.models.Architecture;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;

/**
 * Reads the weights of an ONNX file into one of our networks, by its structure: what jresnet itself
 * writes, and what torch's exporters make of torchvision's networks.
 */
public final class OnnxImport {
  /** ONNX Runtime 1.4, 2020; before, ReLU6 was written otherwise. */
  private static final int OLDEST_OPSET = 11;

  /** The newest of which it is known that none of these operators changed. */
  private static final int NEWEST_OPSET = 23;

  private static final int CHUNK = 1 << 20;
  private static final int MAX_EXTENT = 1 << 20;

  private final Path file;
  private final OnnxModel model;
  private final OnnxConstants constants;

  private OnnxImport(Path file, OnnxModel model) {
    this.file = file;
    this.model = model;
    constants = new OnnxConstants(file, model);
  }

  /** Whether a file is called so that it is read here. */
  public static boolean reads(Path file) {
    return file.toString().toLowerCase(Locale.ROOT).endsWith(".onnx");
  }

  /**
   * Reads a file.
   *
   * @param network needed where the file does not say; a contradiction is an error
   * @return parameters and running statistics under torchvision's names, a description as metadata,
   *     and notes for the user. Norms that were folded are scale 1, shift and mean 0, variance 1
   *     but for what the file's biases say
   * @throws UserError saying what is wrong with the file, or the first node that is different
   */
  public static StateDict read(Path file, Optional<Architecture> network) {
    return read(file, bytes(file), network);
  }

  /** Reads what is in a file, or will be. */
  static StateDict read(Path file, ByteBuffer bytes, Optional<Architecture> network) {
    try {
      return new OnnxImport(file, OnnxModel.read(bytes)).read(network);
    } catch (IllegalArgumentException e) {
      throw new UserError(
          Text.format("%s is no ONNX file: %s", file, FileText.show(e.getMessage())), e);
    }
  }

  private static ByteBuffer bytes(Path file) {
    RegularFile.require(file, "the ONNX file");
    try (FileChannel channel = FileChannel.open(file)) {
      if (channel.size() == 0 || channel.size() > Integer.MAX_VALUE - CHUNK) {
        throw new UserError(
            Text.format("the ONNX file %s has %s bytes, expected 1 to 2 GB", file, channel.size()));
      }
      ByteBuffer bytes = ByteBuffer.allocate((int) channel.size());
      while (bytes.hasRemaining()) {
        int count = Math.min(CHUNK, bytes.remaining());
        int read = channel.read(bytes.slice(bytes.position(), count));
        if (read < 0) {
          throw new EOFException("it became shorter while it was read");
        }
        bytes.position(bytes.position() + read);
      }
      return bytes.flip();
    } catch (IOException e) {
      throw new UserError(Text.format("the ONNX file %s cannot be read: %s", file, e), e);
    } catch (OutOfMemoryError e) {
      throw new UserError(
          Text.format(
              "the ONNX file %s does not fit into the %s MiB of Java memory; raise the limit with"
                  + " JRESNET_OPTS=-Xmx8g",
              file, Runtime.getRuntime().maxMemory() >> 20),
          e);
    }
  }

  private StateDict read(Optional<Architecture> wanted) {
    requireReadable();
    Optional<ModelInfo> described = described();
    Architecture network = network(wanted, described);
    int classes = described.map(i -> i.classes().size()).orElseGet(this::classes);
    int width = described.map(ModelInfo::width).orElseGet(this::width);
    Graph graph = network.graph(classes, width);
    Map<Node, GraphMatcher.Match> matches = new GraphMatcher(file, graph, model, constants).match();
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    boolean folded = false;
    for (Node node : graph.nodes()) {
      if (node.op() instanceof Op.BatchNorm norm) {
        OnnxModel.Node found = matches.get(node).node();
        folded |= !found.op().equals("BatchNormalization");
        norm(node, norm, matches.get(node), tensors);
      } else if (node.op() instanceof Conv2d conv) {
        boolean withNorm =
            graph.consumers(node.index()).stream()
                .anyMatch(
                    n ->
                        matches.containsKey(n)
                            && matches.get(n).node() == matches.get(node).node());
        convolution(node, conv, matches.get(node), withNorm, tensors);
      } else if (node.op() instanceof Op.Linear) {
        linear(node, matches.get(node), tensors);
      }
    }
    List<String> notes = new ArrayList<>();
    if (constants.quantized()) {
      notes.add("the weights of this file are rounded to 8 bits");
    }
    if (folded) {
      notes.add(
          "batch norms are folded into the convolutions of this file: predictions are the same, but"
              + " training goes on from norms that have lost their statistics");
    }
    ModelInfo info =
        described.orElseGet(
            () ->
                ModelFiles.info(
                    network,
                    width,
                    IntStream.range(0, classes).mapToObj(String::valueOf).toList(),
                    ModelFiles.preprocess(network)));
    StateDict dict = new StateDict(tensors, info.toMetadata(), notes);
    ModelFiles.requireSound(network, dict, file.toString());
    return dict;
  }

  private void requireReadable() {
    if (model.opset() < OLDEST_OPSET || model.opset() > NEWEST_OPSET) {
      throw new UserError(
          Text.format(
              "%s has opset %s; jresnet reads %s to %s. Export it again with one of these",
              file, model.opset(), OLDEST_OPSET, NEWEST_OPSET));
    }
  }

  private Optional<ModelInfo> described() {
    try {
      return ModelInfo.of(model.metadata());
    } catch (UserError e) {
      throw new UserError(Text.format("%s: %s", file, e.getMessage()), e);
    }
  }

  private Architecture network(Optional<Architecture> wanted, Optional<ModelInfo> described) {
    if (described.isEmpty()) {
      return wanted.orElseThrow(
          () ->
              new UserError(
                  Text.format(
                      "%s does not say which network it holds; name it with --model, such as"
                          + " --model %s",
                      file, Architecture.DEFAULT)));
    }
    Architecture found = Architecture.of(described.get().architecture());
    if (wanted.isPresent() && !wanted.get().equals(found)) {
      throw new UserError(
          Text.format("%s holds a %s, not the %s of --model", file, found, wanted.get()));
    }
    return found;
  }

  /** Columns of the last matrix; torch leaves out a bias that is all zeros. */
  private int classes() {
    for (int i = model.nodes().size() - 1; i >= 0; i--) {
      OnnxModel.Node node = model.nodes().get(i);
      if (node.op().equals("Gemm") || node.op().equals("MatMul")) {
        return extent(node.input(1), node.number("transB", 0) == 0 ? 1 : 0);
      }
    }
    throw new UserError(Text.format("%s has no classifier: no Gemm and no MatMul", file));
  }

  /** Channels of the first convolution. */
  private int width() {
    return model.nodes().stream()
        .filter(node -> node.op().equals("Conv"))
        .findFirst()
        .map(node -> extent(node.input(1), 0))
        .orElseThrow(() -> new UserError(Text.format("%s has no convolution", file)));
  }

  private int extent(String name, int dimension) {
    List<Long> shape = constants.tensor(name).shape();
    long extent = dimension < shape.size() ? shape.get(dimension) : 0;
    if (extent < 1 || extent > MAX_EXTENT) {
      throw new UserError(
          Text.format("%s: the tensor '%s' has the shape %s", file, FileText.show(name), shape));
    }
    return (int) extent;
  }

  private HostTensor tensor(String name, Parameter p) {
    HostTensor tensor = constants.tensor(name);
    List<Long> expected = shape(p);
    if (!tensor.shape().equals(expected)) {
      throw new UserError(
          Text.format(
              "%s: the tensor '%s' should be %s, of shape %s, but has the shape %s",
              file, FileText.show(name), p.name(), expected, tensor.shape()));
    }
    return tensor;
  }

  private static List<Long> shape(Parameter p) {
    return p.shape().stream().map(Integer::longValue).toList();
  }

  /** Values of the form {@code [c, 1, 1]} or {@code [c]}, times a factor. */
  private HostTensor perChannel(String name, Parameter p, float factor) {
    HostTensor found = constants.tensor(name);
    float[] values = found.toFloats();
    if (values.length != p.elements()) {
      throw new UserError(
          Text.format(
              "%s: the tensor '%s' should have %s values for %s, but has the shape %s",
              file, FileText.show(name), p.elements(), p.name(), found.shape()));
    }
    for (int i = 0; i < values.length; i++) {
      values[i] *= factor;
    }
    return HostTensor.ofFloats(shape(p), values);
  }

  private static HostTensor filled(Parameter p, float value) {
    float[] values = new float[p.elements()];
    java.util.Arrays.fill(values, value);
    return HostTensor.ofFloats(shape(p), values);
  }

  private void convolution(
      Node node,
      Conv2d conv,
      GraphMatcher.Match match,
      boolean withNorm,
      Map<String, HostTensor> to) {
    Parameter weight = node.parameters().get(0);
    to.put(weight.name(), tensor(match.node().input(1), weight));
    if (conv.bias() == Conv2d.Bias.PER_CHANNEL) {
      Parameter bias = node.parameters().get(1);
      // Where a norm is folded in, it takes the bias; torch leaves out one that is all zeros.
      boolean zero = withNorm || match.bias().isEmpty();
      to.put(bias.name(), zero ? filled(bias, 0) : tensor(match.bias(), bias));
    } else if (!withNorm && !match.bias().isEmpty()) {
      throw new UserError(
          Text.format(
              "%s: the convolution %s has a bias, and %s of the network has none",
              file, FileText.show(match.node()), node.name()));
    }
  }

  private void norm(
      Node node, Op.BatchNorm norm, GraphMatcher.Match match, Map<String, HostTensor> to) {
    OnnxModel.Node found = match.node();
    boolean own = found.op().equals("BatchNormalization");
    int input = 1;
    float root = (float) Math.sqrt(1 + norm.eps());
    for (Parameter p : node.parameters()) {
      HostTensor value =
          switch (p.role()) {
            case BATCHES_TRACKED -> HostTensor.ofLongs(List.of(), 0);
            case NORM_WEIGHT ->
                own
                    ? tensor(found.input(input), p)
                    : found.op().equals("Mul")
                        ? perChannel(found.input(1), p, root)
                        : filled(p, root);
            case NORM_BIAS ->
                own
                    ? tensor(found.input(2), p)
                    : match.bias().isEmpty() ? filled(p, 0) : perChannel(match.bias(), p, 1);
            case RUNNING_MEAN -> own ? tensor(found.input(input), p) : filled(p, 0);
            case RUNNING_VAR -> own ? tensor(found.input(input), p) : filled(p, 1);
            default -> throw new IllegalStateException(p.name());
          };
      to.put(p.name(), value);
      input++;
    }
  }

  private void linear(Node node, GraphMatcher.Match match, Map<String, HostTensor> to) {
    Parameter weight = node.parameters().get(0);
    Parameter bias = node.parameters().get(1);
    String name = match.node().input(1);
    boolean transposed =
        match.node().op().equals("MatMul") || match.node().number("transB", 0) == 0;
    if (transposed) {
      List<Integer> kc = weight.shape();
      Parameter ck = new Parameter(weight.name(), List.of(kc.get(1), kc.get(0)), weight.role());
      to.put(weight.name(), transpose(tensor(name, ck)));
    } else {
      to.put(weight.name(), tensor(name, weight));
    }
    to.put(bias.name(), match.bias().isEmpty() ? filled(bias, 0) : tensor(match.bias(), bias));
  }

  private static HostTensor transpose(HostTensor matrix) {
    int rows = Math.toIntExact(matrix.shape().get(0));
    int columns = Math.toIntExact(matrix.shape().get(1));
    float[] values = matrix.toFloats();
    float[] turned = new float[values.length];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        turned[c * rows + r] = values[r * columns + c];
      }
    }
    return HostTensor.ofFloats(List.of((long) columns, (long) rows), turned);
  }
}
