package org.jresnet.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Pass;
import org.jresnet.base.Text;
import org.jresnet.bench.Benchmark.Work;
import org.jresnet.bench.NetworkContests;
import org.jresnet.data.ImageFolder;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.CompileOptions.Images;
import org.jresnet.engine.Compute;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.jresnet.models.Architecture;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** {@code jresnet summary}. */
@Command(
    name = "summary",
    sortOptions = false,
    description =
        "Lists the nodes of a network, or of a model file's, with shapes, parameters and work.")
final class SummaryCommand implements Callable<Integer> {
  private static final int DEFAULT_SIZE = 224;

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..1",
      paramLabel = "MODEL",
      description = "Run folder, .safetensors or .pth file; without it --model says what to list.")
  private String modelPath;

  @Heading("Model")
  @Option(
      names = "--model",
      paramLabel = "NAME",
      defaultValue = Architecture.DEFAULT,
      completionCandidates = ModelNames.class,
      description = {"Also for a .pth file, which does not name it: " + ModelNames.LISTED})
  private String model;

  @Option(names = "--classes", defaultValue = "1000", description = "Number of classes.")
  @Within(min = 1, max = Within.MANY)
  private int classes;

  @Option(
      names = "--size",
      split = "x",
      paramLabel = "HxW",
      description =
          "Input size, one number or height x width; default: what MODEL was trained on, or 224.")
  @Within(min = 1, max = Within.SIDE)
  private List<Integer> size;

  @Option(names = "--batch", defaultValue = "1", description = "Images per batch, for the shapes.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(
      names = "--width",
      paramLabel = "CHANNELS",
      description = "Channels of the stem; default: those of the published network.")
  @Within(min = 1, max = Within.SIDE)
  private Integer width;

  @Heading("Implementations")
  @Option(
      names = "--plan",
      description =
          "Also choose who computes each op here, for batches of --batch images, and list the races"
              + " between implementations: who won, by how much, what the others would cost.")
  private boolean plan;

  @Option(names = "--work", defaultValue = "infer", description = "What to plan: train or infer.")
  private Work work;

  @Heading("Output")
  @Option(
      names = "--json",
      description = "Print one JSON object per node, then the totals, then one per race.")
  private boolean json;

  @Mixin private BackendOptions backendOptions;

  /** A node's line. */
  private record Line(Node node, Shape shape, long parameters, long macs) {
    String op() {
      return node.op().getClass().getSimpleName();
    }
  }

  @Override
  public Integer call() {
    if (size != null && size.size() > 2) {
      throw new UsageError("--size takes one number or height x width, such as 224 or 224x96");
    }
    Console console = new Console(json);
    Optional<LoadedModel> loaded = Optional.ofNullable(modelPath).map(p -> open(p, console));
    Graph graph =
        loaded.isPresent() ? loaded.get().graph() : Arguments.graph(network(), classes, width);
    List<Integer> pixels =
        size != null ? size : List.of(loaded.map(m -> m.preprocess().size()).orElse(DEFAULT_SIZE));
    int height = pixels.get(0);
    int width = pixels.get(pixels.size() - 1);
    print(console, graph, height, width, loaded);
    if (plan) {
      Normalization normalization =
          loaded
              .map(m -> ModelFiles.normalization(m.info()))
              .orElseGet(() -> ModelFiles.normalization(network()));
      plan(console, graph, new Images(batch, height, width, normalization));
    }
    return 0;
  }

  private void plan(Console console, Graph graph, Images images) {
    try (Compute compute = backendOptions.open(console)) {
      Pass pass = work == Work.TRAIN ? Pass.TRAINING : Pass.INFERENCE;
      PlanTable.print(
          console,
          NetworkContests.planned(
              compute.backend(),
              NetworkContests.specs(graph, CompileOptions.of(pass, images), compute.precision())));
    }
  }

  private Architecture network() {
    return UsageError.unlessValid(() -> Architecture.of(model));
  }

  private LoadedModel open(String path, Console console) {
    ParseResult given = spec.commandLine().getParseResult();
    for (String option : List.of("--classes", "--width")) {
      if (given.hasMatchedOption(option)) {
        throw new UsageError(
            Text.format("%s does not go with MODEL, which says it itself", option));
      }
    }
    Optional<String> named =
        given.hasMatchedOption("--model") ? Optional.of(network().id()) : Optional.empty();
    LoadedModel loaded = ModelFiles.open(ImageFolder.expand(path), named);
    loaded.weights().notes().forEach(console::note);
    return loaded;
  }

  private void print(
      Console console, Graph graph, int height, int width, Optional<LoadedModel> loaded) {
    List<Line> lines;
    long macs;
    try {
      List<Shape> shapes = UsageError.unlessValid(() -> graph.shapes(batch, height, width));
      lines = graph.nodes().stream().map(n -> line(n, shapes.get(n.index()))).toList();
      macs = lines.stream().mapToLong(Line::macs).reduce(0, Math::addExact);
    } catch (ArithmeticException e) {
      throw new UsageError(
          Text.format(
              "the work of a batch of %s images of %sx%s is too large to count; use a smaller "
                  + "--batch, --size or --width",
              batch, height, width));
    }
    int longest = lines.stream().mapToInt(l -> l.node.name().length()).reduce(24, Math::max);
    console.print(
        "%s %-18s %-18s %12s %16s",
        padded("name", longest), "op", "output (NHWC)", "parameters", "MACs");
    for (Line line : lines) {
      console.print(
          "%s %-18s %-18s %,12d %,16d",
          padded(line.node.name(), longest), line.op(), line.shape, line.parameters, line.macs);
      console.object(values(line));
    }
    console.print(
        "%n%s with %d classes: %,d parameters, %,d MACs (%.2f GFLOP forward) for %d x %dx%d",
        graph.name(),
        graph.classes(),
        graph.parameterCount(),
        macs,
        2.0 * macs / 1e9,
        batch,
        height,
        width);
    loaded.ifPresent(m -> console.print("Classes: %s", String.join(", ", m.info().classes())));
    Map<String, Object> total = new LinkedHashMap<>();
    total.put("model", graph.name());
    total.put("classes", graph.classes());
    loaded.ifPresent(m -> total.put("class_names", m.info().classes()));
    total.put("parameters", graph.parameterCount());
    total.put("macs", macs);
    console.object(total);
  }

  private static String padded(String name, int width) {
    return name + " ".repeat(width - name.length());
  }

  private static Line line(Node node, Shape shape) {
    long parameters =
        node.parameters().stream()
            .filter(p -> p.role().trainable())
            .mapToLong(Parameter::elements)
            .sum();
    return new Line(node, shape, parameters, node.op().macs(shape));
  }

  private static Map<String, Object> values(Line line) {
    Shape shape = line.shape;
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("name", line.node.name());
    values.put("op", line.op());
    values.put("shape", List.of(shape.n(), shape.h(), shape.w(), shape.c()));
    values.put("parameters", line.parameters);
    values.put("macs", line.macs);
    return values;
  }
}
