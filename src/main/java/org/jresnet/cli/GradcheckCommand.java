package org.jresnet.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Precision;
import org.jresnet.check.GradientCheck;
import org.jresnet.check.Specs;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.inspect.Derivations;
import org.jresnet.inspect.NodePatterns;
import org.jresnet.models.Architecture;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet gradcheck}. */
@Command(
    name = "gradcheck",
    sortOptions = false,
    description =
        "Checks the backward code of nodes of a network against numerical derivatives: central differences of the reference"
            + " backend in double precision. Exit code 1 if a gradient is off.")
final class GradcheckCommand implements Callable<Integer> {
  @Parameters(
      arity = "0..1",
      paramLabel = "MODEL",
      description =
          "Run folder or weight file whose parameters are taken; without it they are random.")
  private String path;

  @Heading("Model")
  @Option(
      names = "--model",
      paramLabel = "NAME",
      completionCandidates = ModelNames.class,
      description = {
        "Network without a file, or of one that does not name it: " + ModelNames.LISTED
      })
  private String model;

  @Option(
      names = "--classes",
      defaultValue = "10",
      description = "Number of classes of a network without a file.")
  @Within(min = 1, max = Within.MANY)
  private int classes;

  @Option(
      names = "--width",
      paramLabel = "CHANNELS",
      description = "Channels of the stem of a network without a file.")
  @Within(min = 1, max = Within.SIDE)
  private Integer width;

  @Heading("What to check")
  @Option(
      names = "--node",
      split = ",",
      paramLabel = "PATTERN",
      description = "These nodes, such as 'layer1.0.conv1,*bn2'.")
  private List<String> nodes = new ArrayList<>();

  @Option(names = "--all-kinds", description = "The first node of each kind.")
  private boolean allKinds;

  @Option(names = "--batch", defaultValue = "2", description = "Images; their values are random.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(
      names = "--size",
      defaultValue = "32",
      description =
          "Side of the network's input, from which the node's own extents follow: small, because each"
              + " difference runs the node twice.")
  @Within(min = 1, max = Within.SIDE)
  private int size;

  @Option(
      names = "--elements",
      defaultValue = "40",
      description = "Most elements of each gradient that are checked, drawn at random.")
  @Within(min = 1, max = Within.MANY)
  private int elements;

  @Option(names = "--seed", defaultValue = "11", description = "Seed of inputs and elements.")
  @Within
  private long seed;

  @Option(names = "--json", description = "Print one JSON object per gradient.")
  private boolean json;

  @Override
  public Integer call() {
    if (path == null && model == null) {
      throw new UsageError("name a MODEL, or a network with --model");
    }
    if (nodes.isEmpty() == !allKinds) {
      throw new UsageError("name nodes with --node, or say --all-kinds");
    }
    Console console = new Console(json);
    Optional<LoadedModel> loaded = Optional.ofNullable(path).map(this::open);
    Graph graph = loaded.map(LoadedModel::graph).orElseGet(this::graph);
    Set<String> wanted = allKinds ? kinds(graph) : NodePatterns.matching(graph, nodes);
    wanted.remove(graph.nodes().get(0).name());
    if (wanted.isEmpty()) {
      throw new UsageError("the input of a network has no backward; name another node");
    }
    List<Shape> shapes = UsageError.unlessValid(() -> graph.shapes(batch, size, size));
    console.print(
        "%s with images of %dx%d: a node's extents are smaller than in training, its code is the"
            + " same",
        graph.name(), size, size);
    int off = 0;
    try (Compute compute = Compute.open(BackendKind.REFERENCE, Precision.FP64)) {
      for (String name : wanted) {
        Node node = NodePatterns.node(graph, name);
        List<Shape> inputs = node.inputs().stream().map(shapes::get).toList();
        OpSpec spec = Specs.withParameters(node.op(), inputs, DType.F64);
        Map<Slot, double[]> values = GradientCheck.inputs(spec, new Random(seed));
        loaded.ifPresent(m -> take(m, node, values));
        GradientCheck check = new GradientCheck(compute.backend(), spec, values);
        off += report(console, node, spec, check.run(elements, new Random(seed)));
      }
    }
    console.print("%s", off == 0 ? "All gradients agree" : off + " gradients are off");
    return off == 0 ? 0 : 1;
  }

  private LoadedModel open(String file) {
    return ModelFiles.open(
        Path.of(file),
        Optional.ofNullable(model)
            .map(name -> UsageError.unlessValid(() -> Architecture.of(name)).id()));
  }

  private Graph graph() {
    return Arguments.graph(UsageError.unlessValid(() -> Architecture.of(model)), classes, width);
  }

  private static Set<String> kinds(Graph graph) {
    Map<String, String> first = new LinkedHashMap<>();
    graph.nodes().forEach(n -> first.putIfAbsent(n.op().kind(), n.name()));
    return new LinkedHashSet<>(first.values());
  }

  private static void take(LoadedModel loaded, Node node, Map<Slot, double[]> values) {
    for (Parameter p : node.parameters()) {
      p.role()
          .slot()
          .ifPresent(
              slot -> {
                float[] saved = ModelFiles.values(loaded).apply(p.name());
                double[] wide = new double[saved.length];
                for (int i = 0; i < wide.length; i++) {
                  wide[i] = saved[i];
                }
                values.put(slot, wide);
              });
    }
  }

  private static int report(
      Console console, Node node, OpSpec spec, Map<Slot, GradientCheck.Result> results) {
    console.print(
        "%s, %s: x %s -> y %s, see %s",
        node.name(), node.op().kind(), spec.x(), spec.y(), Derivations.page(node.op()));
    int off = 0;
    for (Map.Entry<Slot, GradientCheck.Result> e : results.entrySet()) {
      GradientCheck.Result r = e.getValue();
      off += r.ok() ? 0 : 1;
      console.print(
          "  %s %-10s %5d elements, largest relative error %.2g: element %d, backward %.9g,"
              + " difference %.9g%s",
          r.ok() ? "ok " : "OFF",
          e.getKey().id(),
          r.checked(),
          r.relative(),
          r.element(),
          r.backward(),
          r.difference(),
          r.nonZero() > 0 ? "" : " (all of them are zero, which proves nothing)");
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("node", node.name());
      values.put("kind", node.op().kind());
      values.put("gradient", e.getKey().id());
      values.put("ok", r.ok());
      values.put("elements", r.checked());
      values.put("relative_error", r.relative());
      values.put("element", r.element());
      values.put("backward", r.backward());
      values.put("difference", r.difference());
      values.put("page", Derivations.page(node.op()));
      console.object(values);
    }
    return off;
  }
}
