package org.jresnet.serve.studio;

import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jresnet.backend.Precision;
import org.jresnet.base.Text;
import org.jresnet.bench.Benchmark;
import org.jresnet.bench.Profile;
import org.jresnet.engine.Compute;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.jresnet.models.Architecture;
import org.jresnet.serve.Problem;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.RunFolder;
import org.jresnet.train.RunRecord;

/** The network of a run: nodes, shapes, work, weights, and on request the time of each node. */
final class NetworkFacts {
  private static final int BINS = 64;
  private static final int STEPS = 3;
  private static final int MOST_FILTERS = 512;

  private final RunList runs;
  private final Engine engine;

  NetworkFacts(RunList runs, Engine engine) {
    this.runs = runs;
    this.engine = engine;
  }

  private static RunRecord record(RunList.Run run) {
    return RunFolder.recordOf(run.folder())
        .orElseThrow(() -> new Problem(404, run.folder() + " is not there any more"));
  }

  /** The nodes with the shapes of one image. */
  Map<String, Object> of(String id) {
    RunRecord record = record(runs.of(id));
    int size = record.options().input().preprocess().size();
    Graph graph =
        Architecture.of(record.options().network().model())
            .graph(record.classes().size(), record.options().network().width());
    return nodes(graph, size);
  }

  /** A network as pages draw it, for one image of that size. */
  static Map<String, Object> nodes(Graph graph, int size) {
    List<Shape> shapes = graph.shapes(1, size, size);
    List<Map<String, Object>> nodes = new ArrayList<>();
    for (Node node : graph.nodes()) {
      Shape shape = shapes.get(node.index());
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("name", node.name());
      values.put("kind", node.op().kind());
      values.put("op", OpText.of(node.op()));
      values.put("inputs", node.inputs().stream().map(i -> graph.nodes().get(i).name()).toList());
      values.put("shape", List.of(shape.n(), shape.h(), shape.w(), shape.c()));
      values.put("block", Blocks.of(node));
      values.put("macs", node.op().macs(shape));
      values.put(
          "parameters",
          node.parameters().stream()
              .filter(p -> p.role() != Parameter.Role.BATCHES_TRACKED)
              .map(p -> Map.of("name", p.name(), "shape", p.shape(), "count", p.elements()))
              .toList());
      values.put(
          "count",
          node.parameters().stream()
              .filter(p -> p.role().trainable())
              .mapToLong(Parameter::elements)
              .sum());
      nodes.add(values);
    }
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("network", graph.name());
    values.put("size", size);
    values.put("parameters", graph.parameterCount());
    values.put("nodes", nodes);
    return values;
  }

  /** The filters of the first layer that sees colours, as one image each. */
  Map<String, Object> filters(String id) {
    LoadedModel model = engine.model(runs.of(id).folder());
    Parameter first =
        model.graph().parameters().stream()
            .filter(p -> p.role() == Parameter.Role.CONV_WEIGHT && p.shape().get(1) == 3)
            .findFirst()
            .orElseThrow(() -> new Problem(404, "no layer of the network reads colours"));
    float[] w = model.weights().tensors().get(first.name()).toFloats();
    int rows = first.shape().get(2);
    int columns = first.shape().get(3);
    int count = Math.min(MOST_FILTERS, first.shape().get(0));
    float largest = 0;
    for (float value : w) {
      largest = Math.max(largest, Math.abs(value));
    }
    byte[] pixels = new byte[count * rows * columns * 3];
    int taps = rows * columns;
    for (int i = 0; i < pixels.length; i++) {
      int color = i % 3;
      int tap = i / 3 % taps;
      float value = w[(i / 3 / taps * 3 + color) * taps + tap];
      // Zero is the middle grey.
      pixels[i] = (byte) Math.round(largest == 0 ? 128 : 127.5 + 127.5 * value / largest);
    }
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("parameter", first.name());
    values.put("count", count);
    values.put("rows", rows);
    values.put("columns", columns);
    values.put("largest", largest);
    values.put("pixels", Base64.getEncoder().encodeToString(pixels));
    return values;
  }

  /** How the values of a parameter are distributed. */
  Map<String, Object> histogram(String id, String name) {
    LoadedModel model = engine.model(runs.of(id).folder());
    Parameter parameter =
        model.graph().parameters().stream()
            .filter(p -> p.name().equals(name) && p.role() != Parameter.Role.BATCHES_TRACKED)
            .findFirst()
            .orElseThrow(
                () -> new Problem(404, Text.format("the network has no parameter '%s'", name)));
    float[] w = model.weights().tensors().get(parameter.name()).toFloats();
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    double sum = 0;
    for (float value : w) {
      low = Math.min(low, value);
      high = Math.max(high, value);
      sum += value;
    }
    double mean = sum / w.length;
    int[] counts = new int[BINS];
    double squares = 0;
    for (float value : w) {
      squares += (value - mean) * (value - mean);
      int bin = high == low ? 0 : (int) ((value - low) / (high - low) * BINS);
      counts[Math.min(BINS - 1, bin)]++;
    }
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("parameter", name);
    values.put("values", w.length);
    values.put("mean", mean);
    values.put("std", Math.sqrt(squares / w.length));
    values.put("low", low);
    values.put("high", high);
    values.put("counts", counts);
    return values;
  }

  /** Times the calls of training steps with two images. */
  Map<String, Object> profile(String id) {
    RunRecord record = record(runs.of(id));
    int size = record.options().input().preprocess().size();
    return engine.compute(compute -> profile(compute, record, size));
  }

  private static Map<String, Object> profile(Compute compute, RunRecord record, int size) {
    Precision precision = compute.precision();
    Architecture network =
        narrow(record.options().network().model(), record.options().network().width());
    Profile profile =
        Benchmark.profile(
            compute.backend(),
            new Benchmark.Configuration(
                network, record.classes().size(), Benchmark.Work.TRAIN, 2, size, precision, 0),
            STEPS);
    Map<String, List<Profile.Line>> byNode =
        profile.lines().stream()
            .collect(
                Collectors.groupingBy(Profile.Line::node, LinkedHashMap::new, Collectors.toList()));
    Map<String, Object> nodes = new LinkedHashMap<>();
    byNode.forEach(
        (node, lines) ->
            nodes.put(
                node,
                Map.of(
                    "ms", 1e3 * lines.stream().mapToDouble(Profile.Line::seconds).sum(),
                    "flops", lines.stream().mapToLong(Profile.Line::flops).sum(),
                    "bytes", lines.stream().mapToLong(Profile.Line::bytes).sum())));
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("precision", precision.id());
    values.put("backend", compute.backend().description());
    values.put("batch", 2);
    values.put("steps", STEPS);
    values.put("ms", 1e3 * profile.seconds());
    values.put("nodes", nodes);
    return values;
  }

  /** The network at the width of the run. */
  private static Architecture narrow(String name, int width) {
    Architecture full = Architecture.of(name);
    return new Architecture(
        full.id(),
        full.variant(),
        width,
        full.preprocessing(),
        full.parameterCount(),
        full.builder());
  }
}
