package org.jresnet.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Contest;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Precision;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.backend.gpu.Traffic.Part;
import org.jresnet.base.Csv;
import org.jresnet.base.Png;
import org.jresnet.base.Processor;
import org.jresnet.bench.Benchmark;
import org.jresnet.bench.Benchmark.Configuration;
import org.jresnet.bench.Benchmark.Work;
import org.jresnet.bench.Ceilings;
import org.jresnet.bench.Disturbance;
import org.jresnet.bench.Profile;
import org.jresnet.bench.Profile.Line;
import org.jresnet.bench.RooflineChart;
import org.jresnet.engine.BackendKind;
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

/** {@code jresnet profile}. */
@Command(
    name = "profile",
    sortOptions = false,
    description =
        "Times every call of real steps and compares it with what this machine can do at best.")
final class ProfileCommand implements Callable<Integer> {
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

  @Option(names = "--batch", defaultValue = "16", description = "Images per step.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(names = "--size", defaultValue = "224", description = "Side of the input in pixels.")
  @Within(min = 1, max = Within.SIDE)
  private int size;

  @Option(names = "--classes", defaultValue = "1000", description = "Number of classes.")
  @Within(min = 1, max = Within.MANY)
  private int classes;

  @Heading("Measurement")
  @Option(names = "--steps", defaultValue = "5", description = "Timed steps.")
  @Within(min = 1, max = Within.MANY)
  private int steps;

  @Option(
      names = "--top",
      defaultValue = "25",
      description = "Slowest calls to list; the files have all.")
  @Within(min = 0, max = Within.MANY)
  private int top;

  @Heading("Output")
  @Option(names = "--csv", paramLabel = "FILE", description = "Write all calls to this file.")
  private Path csv;

  @Option(names = "--png", paramLabel = "FILE", description = "Draw the roofline to this file.")
  private Path png;

  @Option(names = "--overwrite", description = "Replace the files of --csv and --png.")
  private boolean overwrite;

  @Option(names = "--json", description = "Print one JSON object per call, then the totals.")
  private boolean json;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() {
    if (csv != null) {
      OutputFile.require("--csv", csv, overwrite);
    }
    if (png != null) {
      OutputFile.require("--png", png, overwrite);
    }
    Arguments.requireBatchFits(batch, size);
    Architecture network = UsageError.unlessValid(() -> Architecture.of(model));
    Graph graph = Arguments.graph(network, classes, null);
    Console console = new Console(json);
    try (Compute compute = backendOptions.open(console)) {
      Backend backend = compute.backend();
      Precision precision = compute.precision();
      Configuration c = new Configuration(network, classes, work, batch, size, precision, 0);
      Ceilings ceilings = Ceilings.measure(backend, precision);
      Disturbance.Watch watch = Disturbance.watch();
      Profile profile = Benchmark.profile(backend, c, steps);
      Optional<String> unreliable = watch.stop().flatMap(d -> d.warning(0));
      print(console, c, profile, ceilings);
      if (compute.kind() == BackendKind.GPU) {
        traffic((GpuBackend) backend, c, graph, ceilings).print(console, measured(profile));
      }
      unreliable.ifPresent(console::note);
      profile.lines().forEach(line -> console.object(values(line, profile, ceilings)));
      if (csv != null) {
        Csv.write(csv, csv(profile, ceilings));
      }
      if (png != null) {
        draw(c, profile, ceilings);
      }
    }
    return 0;
  }

  private void print(Console console, Configuration c, Profile profile, Ceilings ceilings) {
    console.print(
        "%s on %s%nMeasured ceilings: %.0f GFLOP/s, %.1f GB/s%n",
        c.name(),
        Processor.andJava(),
        ceilings.flopsPerSecond() / 1e9,
        ceilings.bytesPerSecond() / 1e9);
    header(console, "by kind");
    profile.byKind().forEach(line -> print(console, line, profile, ceilings));
    console.print("");
    header(console, "slowest calls");
    profile.lines().stream()
        .sorted(Comparator.comparingDouble(Line::seconds).reversed())
        .limit(top)
        .forEach(line -> print(console, line, profile, ceilings));
    double floor =
        profile.lines().stream().mapToDouble(l -> ceilings.floor(l.flops(), l.bytes())).sum();
    console.print(
        "%nStep: %.1f ms, %.2f images/s; floor of these calls %.1f ms (%.0f %% of the step)",
        1e3 * profile.seconds(),
        c.batch() / profile.seconds(),
        1e3 * floor,
        100 * floor / profile.seconds());
  }

  private static TrafficTable traffic(
      GpuBackend backend, Configuration c, Graph graph, Ceilings ceilings) {
    boolean training = c.work() == Work.TRAIN;
    Normalization normalization = ModelFiles.normalization(c.network());
    CompileOptions options =
        training
            ? CompileOptions.training(c.batch(), c.size(), normalization)
            : CompileOptions.inference(c.batch(), c.size(), normalization);
    List<OpSpec> specs =
        NetworkOps.of(graph, options, c.precision(), backend).stream()
            .map(NamedSpec::spec)
            .toList();
    return new TrafficTable(
        backend.traffic(specs, training ? graph.parameterCount() : 0),
        ceilings.bytesPerSecond(),
        ceilings.flopsPerSecond());
  }

  private static Map<Part, Double> measured(Profile profile) {
    Map<Part, Double> milliseconds = new EnumMap<>(Part.class);
    for (Line line : profile.lines()) {
      milliseconds.merge(
          Part.of(line.kind(), line.phase(), line.operation()), 1e3 * line.seconds(), Double::sum);
    }
    return milliseconds;
  }

  private static void header(Console console, String title) {
    console.print(
        "%-26s %-17s %9s %6s %9s %7s %7s  %s",
        title, "operation", "ms", "share", "GFLOP/s", "GB/s", "ceiling", "implementation");
  }

  private static void print(Console console, Line l, Profile profile, Ceilings ceilings) {
    console.print(
        "%-26s %-17s %9.3f %5.1f%% %9.1f %7.1f %6.0f%%  %s",
        l.node(),
        l.operation(),
        1e3 * l.seconds(),
        100 * l.seconds() / profile.seconds(),
        l.flopsPerSecond() / 1e9,
        l.bytesPerSecond() / 1e9,
        100 * ceilings.floor(l.flops(), l.bytes()) / l.seconds(),
        l.implementation()
            + l.race().flatMap(Contest::lead).map(lead -> " (" + lead + ")").orElse(""));
  }

  private static Map<String, Object> values(Line l, Profile profile, Ceilings ceilings) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("node", l.node());
    values.put("operation", l.operation());
    values.put("ms", 1e3 * l.seconds());
    values.put("share", l.seconds() / profile.seconds());
    values.put("gflops", l.flopsPerSecond() / 1e9);
    values.put("gbps", l.bytesPerSecond() / 1e9);
    values.put("of_ceiling", ceilings.floor(l.flops(), l.bytes()) / l.seconds());
    values.put("implementation", l.implementation());
    l.race().ifPresent(race -> values.put("candidates_ms", race.milliseconds()));
    return values;
  }

  private static List<List<String>> csv(Profile profile, Ceilings ceilings) {
    List<List<String>> rows =
        new ArrayList<>(
            List.of(
                List.of(
                    "node",
                    "operation",
                    "implementation",
                    "ms",
                    "flops",
                    "bytes",
                    "floor_ms",
                    "race")));
    for (Line l : profile.lines()) {
      rows.add(
          List.of(
              l.node(),
              l.operation(),
              l.implementation(),
              String.format(Locale.ROOT, "%.4f", 1e3 * l.seconds()),
              String.valueOf(l.flops()),
              String.valueOf(l.bytes()),
              String.format(Locale.ROOT, "%.4f", 1e3 * ceilings.floor(l.flops(), l.bytes())),
              l.race().map(Contest::costs).orElse("")));
    }
    return rows;
  }

  private void draw(Configuration c, Profile profile, Ceilings ceilings) {
    Png.write(RooflineChart.draw(c.name(), profile, ceilings), png);
  }
}
