package org.jresnet.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.jresnet.models.ResNet;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code jresnet summary}. */
@Command(
    name = "summary",
    sortOptions = false,
    description = "Lists a network's nodes with shapes, parameters and work.")
final class SummaryCommand implements Callable<Integer> {
  @Option(
      names = "--model",
      defaultValue = "resnet50",
      description = "resnet18, 34, 50, 101 or 152.")
  private String model;

  @Option(names = "--classes", defaultValue = "1000", description = "Number of classes.")
  private int classes;

  @Option(
      names = "--size",
      split = "x",
      defaultValue = "224",
      paramLabel = "HxW",
      description = "Input size, one number or height x width.")
  private List<Integer> size;

  @Option(
      names = "--batch",
      defaultValue = "1",
      description = "Pictures per batch, for the shapes.")
  private int batch;

  @Option(names = "--width", defaultValue = "64", description = "Channels of the stem.")
  private int width;

  @Option(names = "--json", description = "Print one JSON object per node, then the totals.")
  private boolean json;

  @Override
  public Integer call() {
    Console console = new Console(json);
    if (classes < 1
        || batch < 1
        || width < 1
        || size.size() > 2
        || size.stream().anyMatch(s -> s < 1)) {
      throw new UsageError("classes, batch, width and size must be at least 1, size is N or HxW");
    }
    Graph graph = UsageError.unlessValid(() -> ResNet.of(model)).graph(classes, width);
    List<Shape> shapes = graph.shapes(batch, size.get(0), size.get(size.size() - 1));
    console.print(
        "%-24s %-14s %-18s %12s %16s", "name", "op", "output (NHWC)", "parameters", "MACs");
    long macs = 0;
    for (Node node : graph.nodes()) {
      Shape shape = shapes.get(node.index());
      long own = node.op().macs(shape);
      long parameters =
          node.parameters().stream()
              .filter(p -> p.role().trainable())
              .mapToLong(Parameter::elements)
              .sum();
      macs += own;
      String op = node.op().getClass().getSimpleName();
      console.print("%-24s %-14s %-18s %,12d %,16d", node.name(), op, shape, parameters, own);
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("name", node.name());
      values.put("op", op);
      values.put("shape", List.of(shape.n(), shape.h(), shape.w(), shape.c()));
      values.put("parameters", parameters);
      values.put("macs", own);
      console.object(values);
    }
    console.print(
        "%n%s with %d classes: %,d parameters, %,d MACs (%.2f GFLOP forward) for %d x %dx%d",
        graph.name(),
        classes,
        graph.parameterCount(),
        macs,
        2 * macs / 1e9,
        batch,
        size.get(0),
        size.get(size.size() - 1));
    Map<String, Object> total = new LinkedHashMap<>();
    total.put("model", graph.name());
    total.put("classes", classes);
    total.put("parameters", graph.parameterCount());
    total.put("macs", macs);
    console.object(total);
    return 0;
  }
}
