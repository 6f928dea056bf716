package org.jresnet.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Precision;
import org.jresnet.backend.gpu.Choice;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.backend.gpu.DeviceDescription;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.base.Csv;
import org.jresnet.bench.Benchmark.Configuration;
import org.jresnet.bench.Benchmark.Work;
import org.jresnet.bench.NetworkContests;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable.NamedSpec;
import org.jresnet.engine.NetworkOps;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.train.ModelFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jresnet plan}. */
@Command(
    name = "plan",
    sortOptions = false,
    description =
        "Shows the engine of cuDNN for every layer, on this machine's GPU or for one that is not"
            + " here; with --ranks how training would scale.")
final class PlanCommand implements Callable<Integer> {
  /** Tera-operations per second of an H200, multiplying matrices. */
  private static final double BF16_RATE = 788;

  private static final String REFUSED = "refused: ";

  @Heading("Model and work")
  @Option(
      names = "--model",
      paramLabel = "NAME",
      defaultValue = Architecture.DEFAULT,
      completionCandidates = ModelNames.class,
      description = ModelNames.LISTED)
  private String model;

  @Option(names = "--work", defaultValue = "train", description = "train or infer.")
  private Work work;

  @Option(names = "--batch", defaultValue = "256", description = "Images per step.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(names = "--size", defaultValue = "224", description = "Side of the input in pixels.")
  @Within(min = 1, max = Within.SIDE)
  private int size;

  @Option(names = "--classes", defaultValue = "1000", description = "Number of classes.")
  @Within(min = 1, max = Within.MANY)
  private int classes;

  @Option(
      names = "--precision",
      defaultValue = "bf16",
      paramLabel = "TYPE",
      description = "fp32, tf32, bf16, fp16, or int8, which is for inference.")
  private String precision;

  @Heading("NVIDIA GPU")
  @Option(
      names = "--device",
      paramLabel = "NAME",
      description =
          "Plan for this GPU without having one: a100, b200, h100, h200, l4, rtx4090, or a JSON"
              + " file of device properties. Needs the libraries that tools/cuda-libs fetches, not"
              + " a GPU. Default: the GPU --gpu of this machine.")
  private String device;

  @Option(
      names = "--bandwidth",
      paramLabel = "TB/S",
      defaultValue = "4.3",
      description = "Memory bandwidth to predict times with; default: an H200's, copying.")
  @Within(min = 0.001, max = 1000)
  private double bandwidth;

  @Option(
      names = "--rate",
      paramLabel = "TFLOP/S",
      description =
          "Rate to predict times with; default: 788, an H200's, multiplying bf16 matrices; in int8"
              + " twice as much, which tensor cores promise and nobody has measured.")
  @Within(min = 0.001, max = 100_000)
  private Double rate;

  @Option(
      names = "--forms",
      description =
          "List all ways to compute what can be computed in several, with cuDNN's reason where it"
              + " has no engine.")
  private boolean forms;

  @Heading("Output")
  @Option(names = "--csv", paramLabel = "FILE", description = "Write the table to this file.")
  private Path csv;

  @Option(names = "--overwrite", description = "Replace the file of --csv if it exists.")
  private boolean overwrite;

  @Option(names = "--json", description = "Print one JSON object per engine.")
  private boolean json;

  @Mixin private RankOptions ranks;
  @Mixin private TuningOptions tuning;
  @Mixin private GpuOptions gpu;

  /** One engine of one layer; {@code choice} is null for kernels of our own and cuBLASLt. */
  private record Line(String layer, OpSpec spec, String own, Choice choice) {
    double flops() {
      return choice != null && choice.graph().contains("convolution") ? 2.0 * spec.macs() : 0;
    }

    boolean refused() {
      return own.startsWith(REFUSED);
    }
  }

  @Override
  public Integer call() {
    if (csv != null) {
      OutputFile.require("--csv", csv, overwrite);
    }
    Console console = new Console(json);
    Precision chosen = UsageError.unlessValid(() -> Precision.of(precision));
    Architecture network = UsageError.unlessValid(() -> Architecture.of(model));
    if (ranks.asked()) {
      List<List<String>> rows =
          ranks.plan(
              console, new Configuration(network, classes, Work.TRAIN, batch, size, chosen, 0));
      if (csv != null) {
        Csv.write(csv, rows);
      }
      return 0;
    }
    Graph graph = Arguments.graph(network, classes, null);
    Normalization normalization = ModelFiles.normalization(network);
    CompileOptions options =
        work == Work.TRAIN
            ? CompileOptions.training(batch, size, normalization)
            : CompileOptions.inference(batch, size, normalization);
    List<Line> lines = new ArrayList<>();
    try (GpuBackend backend =
        device == null
            ? GpuBackend.open(gpu.options(tuning.gpu()))
            : GpuBackend.planning(DeviceDescription.of(device), gpu.options(tuning.gpu()))) {
      Compute.require(backend, chosen);
      List<NamedSpec> specs = new ArrayList<>();
      List<NamedSpec> all = NetworkContests.specs(graph, options, chosen, backend);
      backend.planAhead(all.stream().map(NamedSpec::spec).toList());
      for (NamedSpec named : all) {
        List<Line> made = lines(backend, named);
        lines.addAll(made);
        if (made.stream().noneMatch(Line::refused)) {
          specs.add(named);
        }
      }
      print(console, backend, lines);
      CudnnOptions.Fusion fusion = gpu.options(tuning.gpu()).fusion();
      if (work == Work.TRAIN) {
        FusionTable.print(
            console, fusion, specs, NetworkOps.refusals(graph, options, chosen, backend));
      }
      if (forms) {
        FormTable.print(console, backend, specs);
      }
      KernelTable.print(console, backend, chosen.activation());
      TrafficTable traffic =
          new TrafficTable(
              backend.traffic(
                  specs.stream().map(NamedSpec::spec).toList(),
                  work == Work.TRAIN ? graph.parameterCount() : 0),
              1e12 * bandwidth,
              1e12 * (rate != null ? rate : chosen == Precision.INT8 ? 2 * BF16_RATE : BF16_RATE));
      traffic.print(console, Map.of());
      lines.forEach(line -> console.object(values(line)));
      traffic.objects(console);
      if (work == Work.INFER) {
        traffic.latency(console);
      }
      if (csv != null) {
        Csv.write(csv, csv(lines));
      }
    }
    return lines.stream().anyMatch(Line::refused) ? 1 : 0;
  }

  /** The engines of a layer, or what computes it instead, or why nothing does. */
  private static List<Line> lines(GpuBackend backend, NamedSpec named) {
    try {
      List<Choice> choices = backend.choices(named.spec());
      if (!choices.isEmpty()) {
        return choices.stream().map(c -> new Line(named.name(), named.spec(), "", c)).toList();
      }
      try (var plan = backend.plan(named.spec())) {
        return List.of(new Line(named.name(), named.spec(), plan.implementation(), null));
      }
    } catch (UnsupportedOperationException e) {
      return List.of(new Line(named.name(), named.spec(), REFUSED + e.getMessage(), null));
    }
  }

  private void print(Console console, GpuBackend backend, List<Line> lines) {
    console.print(
        "%s, %s, %s, batch %d of %dx%d: %s%n",
        model,
        work == Work.TRAIN ? "training" : "inference",
        precision,
        batch,
        size,
        size,
        backend.description());
    console.print(
        "%-24s %-34s %12s %9s %9s %9s  %s",
        "layer", "engine", "workspace", "ms", "TFLOP/s", "GB/s", "operation");
    for (Line line : lines) {
      Choice c = line.choice;
      if (c == null) {
        console.print(
            "%-24s %-34s %12s %9s %9s %9s  %s",
            line.layer, line.own, "", "", "", "", line.spec.kind());
        continue;
      }
      boolean timed = !Double.isNaN(c.milliseconds());
      console.print(
          "%-24s %-34s %12s %9s %9s %9s  %s",
          line.layer,
          c.text(),
          String.format(Locale.ROOT, "%,d", c.workspaceBytes()),
          timed ? String.format(Locale.ROOT, "%.3f", c.milliseconds()) : "-",
          timed && line.flops() > 0
              ? String.format(Locale.ROOT, "%.1f", line.flops() / c.milliseconds() / 1e9)
              : "-",
          timed ? String.format(Locale.ROOT, "%.0f", c.bytes() / c.milliseconds() / 1e6) : "-",
          c.graph());
    }
    List<Choice> engines = lines.stream().filter(l -> l.choice != null).map(Line::choice).toList();
    console.print(
        "%n%d engines for %d different operations, %d compiled at start, %d of last resort; largest"
            + " workspace %,d bytes",
        engines.size(),
        engines.stream().map(Choice::graph).distinct().count(),
        engines.stream().filter(Choice::compiled).map(Choice::graph).distinct().count(),
        engines.stream().filter(Choice::fallback).map(Choice::graph).distinct().count(),
        engines.stream().mapToLong(Choice::workspaceBytes).max().orElse(0));
    if (device == null && engines.stream().allMatch(c -> Double.isNaN(c.milliseconds()))) {
      console.print("--tune race times the engines and shows milliseconds.");
    }
  }

  private static Map<String, Object> values(Line line) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("layer", line.layer);
    values.put("op", line.spec.kind());
    Choice c = line.choice;
    if (c == null) {
      values.put("implementation", line.own);
      return values;
    }
    values.put("implementation", c.text());
    values.put("graph", c.graph());
    values.put("engine", c.engine());
    values.put("candidate", c.candidate());
    values.put("proposals", c.proposals());
    values.put("fallback", c.fallback());
    values.put("compiled", c.compiled());
    values.put("workspace_bytes", c.workspaceBytes());
    values.put("bytes", c.bytes());
    values.put("flops", line.flops());
    if (!Double.isNaN(c.milliseconds())) {
      values.put("ms", c.milliseconds());
    }
    return values;
  }

  private static List<List<String>> csv(List<Line> lines) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "layer", "op", "implementation", "graph", "workspace_bytes", "bytes", "flops", "ms"));
    for (Line line : lines) {
      Choice c = line.choice;
      rows.add(
          List.of(
              line.layer,
              line.spec.kind(),
              c == null ? line.own : c.text(),
              c == null ? "" : c.graph(),
              String.valueOf(c == null ? 0 : c.workspaceBytes()),
              String.valueOf(c == null ? 0 : c.bytes()),
              String.format(Locale.ROOT, "%.0f", line.flops()),
              c == null || Double.isNaN(c.milliseconds())
                  ? ""
                  : String.format(Locale.ROOT, "%.4f", c.milliseconds())));
    }
    return rows;
  }
}
