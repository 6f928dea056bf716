package org.jresnet.inspect;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jresnet.backend.Mode;
import org.jresnet.backend.Pass;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.DType;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.ResidualBlock;
import org.jresnet.graph.Shape;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.SafetensorsFile;

/** The tensors of a recorded step: names and shapes at once, values after the step has run. */
final class StepContents {
  private final Model model;
  private final OptimizerState optimizer;
  private final StepRecorder.Images images;
  private final StepRecorder.Options options;
  private final Set<String> norms;
  private final List<Shape> shapes;
  private final Map<String, float[]> before = new HashMap<>();

  /** Mean and variance of each channel of the batch, by name of the norm; after the step. */
  private final Map<String, float[][]> moments = new HashMap<>();

  private boolean carried;
  private Executable executable;

  /** Of a step that {@code compile} describes, in which every node is watched. */
  StepContents(
      Model model,
      OptimizerState optimizer,
      StepRecorder.Images images,
      StepRecorder.Options options,
      CompileOptions compile) {
    this.model = model;
    this.optimizer = optimizer;
    this.images = images;
    this.options = options;
    shapes = model.graph().shapes(images.names().size(), images.size(), images.size());
    norms =
        Executable.specs(model.graph(), compile, model.precision()).stream()
            .filter(group -> group.spec().mode() == Mode.TRAIN)
            .flatMap(group -> group.nodes().stream())
            .filter(node -> has(node, Parameter.Role.RUNNING_MEAN))
            .map(Node::name)
            .collect(Collectors.toSet());
  }

  private static boolean has(Node node, Parameter.Role role) {
    return node.parameters().stream().anyMatch(p -> p.role() == role);
  }

  /** Keeps what the step starts from, which it overwrites. */
  void takeBefore() {
    for (Parameter p : model.graph().parameters()) {
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        continue;
      }
      boolean trains = p.role().trainable();
      before.put(
          trains ? Recording.parameter(p.name()) : Recording.statisticBefore(p.name()),
          model.get(p.name()));
      for (int i = 0; trains && i < optimizer.rule().states() && optimizer.steps() > 0; i++) {
        before.put(
            Recording.momentBefore(i + 1, p.name()), optimizer.state(i, p.name()).toFloats());
      }
    }
    carried = optimizer.steps() > 0;
  }

  /** The step that has run, or is about to. */
  void of(Executable step) {
    executable = step;
    moments.clear();
  }

  /** The nodes whose tensors are kept, in the order of the network. */
  List<Node> nodes() {
    return model.graph().nodes().stream().filter(n -> options.nodes().contains(n.name())).toList();
  }

  /** What the file holds, in its order; after the step with the values. */
  List<SafetensorsFile.Planned> tensors() {
    List<SafetensorsFile.Planned> all = new ArrayList<>();
    long n = images.names().size();
    all.add(
        new SafetensorsFile.Planned(
            Recording.INPUT,
            DType.U8,
            List.of(n, (long) images.size(), (long) images.size(), (long) model.graph().channels()),
            () -> ByteBuffer.wrap(images.pixels())));
    if (images.labels().length > 0) {
      long[] labels = Arrays.stream(images.labels()).asLongStream().toArray();
      all.add(
          new SafetensorsFile.Planned(
              Recording.LABELS,
              DType.I64,
              List.of(n),
              () -> HostTensor.ofLongs(List.of(n), labels).data()));
    }
    addBefore(all);
    addForward(all);
    if (options.pass() == Pass.TRAINING) {
      addBackward(all);
      nodes().forEach(node -> addAfter(all, node));
    }
    if (options.spectra()) {
      ResidualBlock.of(model.graph()).stream()
          .flatMap(block -> block.branch().stream())
          .flatMap(node -> node.parameters().stream())
          .filter(p -> p.role() == Parameter.Role.CONV_WEIGHT)
          .forEach(p -> addSpectrum(all, p));
    }
    return all;
  }

  private void addBefore(List<SafetensorsFile.Planned> all) {
    boolean moments = executable == null ? optimizer.steps() > 0 : carried;
    for (Parameter p : model.graph().parameters()) {
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        continue;
      }
      boolean trains = p.role().trainable();
      all.add(
          exact(trains ? Recording.parameter(p.name()) : Recording.statisticBefore(p.name()), p));
      for (int i = 0; trains && moments && i < optimizer.rule().states(); i++) {
        all.add(exact(Recording.momentBefore(i + 1, p.name()), p));
      }
    }
  }

  /** What a step starts from is never rounded: replaying needs it. */
  private SafetensorsFile.Planned exact(String name, Parameter p) {
    List<Long> shape = shape(p);
    return new SafetensorsFile.Planned(
        name, DType.F32, shape, () -> HostTensor.ofFloats(shape, before.get(name)).data());
  }

  private static List<Long> shape(Parameter p) {
    return p.shape().stream().map(Integer::longValue).toList();
  }

  private void addForward(List<SafetensorsFile.Planned> all) {
    for (Node node : nodes()) {
      all.add(
          rounded(
              Recording.output(node.name()),
              shape(shapes.get(node.index())),
              () -> executable.tap(node.name())));
      if (norms.contains(node.name())) {
        List<Long> channels = List.of((long) shapes.get(node.index()).c());
        all.add(rounded(Recording.batchMean(node.name()), channels, () -> moments(node)[0]));
        all.add(rounded(Recording.batchVariance(node.name()), channels, () -> moments(node)[1]));
      }
    }
    long n = images.names().size();
    long outputs = shapes.get(model.graph().output().index()).elements() / n;
    all.add(rounded(Recording.LOGITS, List.of(n, outputs), () -> executable.logits()));
  }

  private static List<Long> shape(Shape s) {
    return List.of((long) s.n(), (long) s.h(), (long) s.w(), (long) s.c());
  }

  private float[][] moments(Node norm) {
    return moments.computeIfAbsent(
        norm.name(),
        name -> {
          String x = model.graph().nodes().get(norm.inputs().get(0)).name();
          return moments(executable.tap(x), shapes.get(norm.index()).c());
        });
  }

  /** Mean and biased variance of each channel, summed in double precision. */
  private static float[][] moments(float[] x, int channels) {
    double[] means = new double[channels];
    double[] variances = new double[channels];
    int count = x.length / channels;
    for (int i = 0; i < x.length; i++) {
      means[i % channels] += x[i] / (double) count;
    }
    for (int i = 0; i < x.length; i++) {
      double deviation = x[i] - means[i % channels];
      variances[i % channels] += deviation * deviation / count;
    }
    float[][] moments = new float[2][channels];
    for (int c = 0; c < channels; c++) {
      moments[0][c] = (float) means[c];
      moments[1][c] = (float) variances[c];
    }
    return moments;
  }

  private void addBackward(List<SafetensorsFile.Planned> all) {
    List<Node> kept = nodes();
    for (int i = kept.size() - 1; i >= 0; i--) {
      String node = kept.get(i).name();
      all.add(
          rounded(
              Recording.gradient(node),
              shape(shapes.get(kept.get(i).index())),
              () -> executable.tapGradient(node)));
    }
  }

  private void addAfter(List<SafetensorsFile.Planned> all, Node node) {
    for (Parameter p : node.parameters()) {
      String name = p.name();
      if (p.role().trainable() && !options.frozen().contains(name)) {
        all.add(
            rounded(
                Recording.parameterGradient(name),
                shape(p),
                () -> model.gradient(name).toFloats()));
        all.add(rounded(Recording.parameterAfter(name), shape(p), () -> model.get(name)));
        for (int i = 0; i < optimizer.rule().states(); i++) {
          int index = i;
          all.add(
              rounded(
                  Recording.moment(i + 1, name),
                  shape(p),
                  () -> optimizer.state(index, name).toFloats()));
        }
      } else if (norms.contains(node.name()) && p.role().isStatistic()) {
        all.add(rounded(Recording.statisticAfter(name), shape(p), () -> model.get(name)));
      }
    }
  }

  private void addSpectrum(List<SafetensorsFile.Planned> all, Parameter p) {
    int rows = p.shape().get(0);
    int columns = p.elements() / rows;
    all.add(
        rounded(
            Recording.singularValues(p.name()),
            List.of((long) Math.min(rows, columns)),
            () -> SingularValues.of(before.get(Recording.parameter(p.name())), rows, columns)));
  }

  private SafetensorsFile.Planned rounded(String name, List<Long> shape, Supplier<float[]> values) {
    return options.half()
        ? new SafetensorsFile.Planned(
            name, DType.F16, shape, () -> HostTensor.ofHalves(shape, values.get()).data())
        : new SafetensorsFile.Planned(
            name, DType.F32, shape, () -> HostTensor.ofFloats(shape, values.get()).data());
  }
}
