package org.jresnet.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.base.Csv;
import org.jresnet.base.ProcessMemory;
import org.jresnet.base.Processor;
import org.jresnet.base.Quantile;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.bench.Benchmark;
import org.jresnet.bench.Benchmark.Configuration;
import org.jresnet.bench.Benchmark.Result;
import org.jresnet.bench.Benchmark.Work;
import org.jresnet.bench.Disturbance;
import org.jresnet.bench.RankSteps;
import org.jresnet.distributed.Exchange;
import org.jresnet.distributed.Neighbours;
import org.jresnet.distributed.Wire;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.BackendSettings;
import org.jresnet.engine.Backends;
import org.jresnet.engine.Compute;
import org.jresnet.engine.GradientExchange.Sharing;
import org.jresnet.models.Architecture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code jresnet bench}. */
@Command(
    name = "bench",
    sortOptions = false,
    description =
        "Times training steps and inference for every combination of the options, after checking"
            + " values against the reference backend. Started by mpirun or srun, it times training"
            + " steps that all ranks share, beside the same steps without the exchange.")
final class BenchCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Heading("Model and work")
  @Option(
      names = "--model",
      split = ",",
      defaultValue = Architecture.DEFAULT,
      paramLabel = "NAME",
      completionCandidates = ModelNames.class,
      description = ModelNames.LISTED)
  private List<String> models;

  @Option(
      names = "--work",
      split = ",",
      defaultValue = "train,infer",
      paramLabel = "WORK",
      description = "train (whole steps with Adam), infer.")
  private List<Work> works;

  @Option(
      names = "--checkpoint-blocks",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "In training, compute the activations inside every N residual blocks again in backward.")
  @Within(min = 0, max = 1000)
  private int checkpointBlocks;

  @Option(
      names = "--batch",
      split = ",",
      defaultValue = "16",
      paramLabel = "N",
      description = "Images per step.")
  @Within(min = 1, max = Within.BATCH)
  private List<Integer> batches;

  @Option(
      names = "--precision",
      split = ",",
      defaultValue = "auto",
      paramLabel = "TYPE",
      description = "fp32, bf16, int8 (inference only); auto: all that the backend can do here.")
  private List<String> precisions;

  @Option(
      names = "--size",
      split = ",",
      defaultValue = "224",
      paramLabel = "PIXELS",
      description = "Side of the input in pixels.")
  @Within(min = 1, max = Within.SIDE)
  private List<Integer> sizes;

  @Option(names = "--classes", defaultValue = "1000", description = "Number of classes.")
  @Within(min = 1, max = Within.MANY)
  private int classes;

  @Heading("Measurement")
  @Option(
      names = "--steps",
      defaultValue = "10",
      description = "Least number of timed steps, after two that warm up.")
  @Within(min = 1, max = Within.MANY)
  private int steps;

  @Option(
      names = "--seconds",
      defaultValue = "3",
      description = "Least time of the timed steps together.")
  @Within(min = 0, max = 86_400)
  private double seconds;

  @Option(
      names = "--no-check",
      description =
          "Do not compare values first; for measuring memory, which the reference needs a lot of.")
  private boolean unchecked;

  @Heading("Output")
  @Option(
      names = "--csv",
      paramLabel = "DIR",
      description = "Write every step's time to one CSV file per combination in this folder.")
  private Path csv;

  @Option(names = "--overwrite", description = "Replace the files of --csv.")
  private boolean overwrite;

  @Option(names = "--json", description = "Print one JSON object per combination.")
  private boolean json;

  @Heading("Computation")
  @Option(
      names = "--backend",
      split = ",",
      defaultValue = "cpu",
      paramLabel = "NAME",
      description = "cpu, gpu, reference.")
  private List<String> backends;

  @Mixin private LaunchOptions launch;
  @Mixin private ExchangeOptions exchange;
  @Mixin private ThreadOptions threads;
  @Mixin private TuningOptions tuning;
  @Mixin private GpuOptions gpu;

  @Override
  public Integer call() {
    networks().forEach(network -> Arguments.graph(network, classes, null));
    for (int size : sizes) {
      batches.forEach(batch -> Arguments.requireBatchFits(batch, size));
    }
    Wire wire = exchange.wire();
    Exchange way = exchange.way();
    if (csv != null) {
      createFolder();
    }
    if (!launch.several()) {
      if (threads.several()) {
        return ChildRuns.eachThreadCount(threads.counts(), spec.commandLine().getParent());
      }
    } else if (!works.equals(List.of(Work.TRAIN))) {
      throw new UsageError("several ranks share training steps alone; say --work train");
    }
    threads.check();
    return launch.run("bench", all -> time(new Sharing(all, way, wire)));
  }

  private int time(Sharing sharing) {
    boolean leads = sharing.ranks().leads();
    Console console = leads ? new Console(json) : Console.silent();
    List<BackendKind> kinds =
        backends.stream().map(n -> UsageError.unlessValid(() -> BackendKind.of(n))).toList();
    Neighbours neighbours = Neighbours.of(sharing.ranks());
    for (BackendKind kind : kinds) {
      Neighbours others = kind == BackendKind.GPU ? neighbours : Neighbours.NONE;
      try (Backend backend =
          Backends.open(
              kind, new BackendSettings(tuning.cpu(console), gpu.options(tuning.gpu(), others)))) {
        console.print("%s, %s", Processor.andJava(), backend.description());
        console.print(
            "%-34s %9s %10s %10s %7s %8s %9s %9s",
            "configuration",
            "images/s",
            "median ms",
            "p95 ms",
            "spread",
            "create s",
            "error",
            "plan MB");
        List<Configuration> all = configurations(backend);
        if (csv != null && leads) {
          all.forEach(c -> OutputFile.require("--csv", file(backend, c), overwrite));
        }
        for (Configuration c : all) {
          time(console, backend, c, sharing);
          Console.requireOutput();
        }
      }
    }
    return 0;
  }

  private void createFolder() {
    try {
      Files.createDirectories(csv);
    } catch (java.io.IOException e) {
      throw new UserError(Text.format("the folder of --csv cannot be made: %s", e), e);
    }
  }

  /** A comma stands between two networks, and between the options of one. */
  private List<Architecture> networks() {
    List<String> names = new ArrayList<>();
    for (String part : models) {
      int last = names.size() - 1;
      if (last >= 0 && names.get(last).contains(":") && !ModelNames.begins(part)) {
        names.set(last, names.get(last) + "," + part);
      } else {
        names.add(part);
      }
    }
    return names.stream().map(name -> UsageError.unlessValid(() -> Architecture.of(name))).toList();
  }

  private List<Configuration> configurations(Backend backend) {
    List<Configuration> all = new ArrayList<>();
    for (Architecture network : networks()) {
      for (Work work : works) {
        for (Precision precision : precisions(backend)) {
          if (work == Work.TRAIN && precision == Precision.INT8) {
            continue; // int8 is for inference
          }
          for (int size : sizes) {
            for (int batch : batches) {
              all.add(
                  new Configuration(
                      network,
                      classes,
                      work,
                      batch,
                      size,
                      precision,
                      work == Work.TRAIN ? checkpointBlocks : 0));
            }
          }
        }
      }
    }
    return all;
  }

  private List<Precision> precisions(Backend backend) {
    if (precisions.equals(List.of("auto"))) {
      return Arrays.stream(Precision.values())
          .filter(p -> backend.supports(p) instanceof Support.Yes)
          .toList();
    }
    List<Precision> chosen =
        precisions.stream().map(p -> UsageError.unlessValid(() -> Precision.of(p))).toList();
    chosen.forEach(p -> Compute.require(backend, p));
    return chosen;
  }

  private Path file(Backend backend, Configuration c) {
    return csv.resolve(c.name() + "-" + backend.name() + "-" + threads.count() + "t.csv");
  }

  private void time(Console console, Backend backend, Configuration c, Sharing sharing) {
    double error = unchecked ? Double.NaN : Benchmark.check(backend, c);
    int ranks = sharing.ranks().size();
    Disturbance.Watch watch = Disturbance.watch();
    Optional<RankSteps> shared =
        ranks == 1
            ? Optional.empty()
            : Optional.of(RankSteps.measure(backend, c, sharing, steps, seconds));
    Result r =
        shared.map(RankSteps::together).orElseGet(() -> Benchmark.run(backend, c, steps, seconds));
    Optional<Disturbance> disturbance = watch.stop();
    console.print(
        "%-34s %9.2f %10.2f %10.2f %6.1f%% %8.2f %9.1e %9d",
        c.name(),
        r.imagesPerSecond(),
        1e3 * r.median(),
        1e3 * r.quantile(0.95),
        100 * r.spread(),
        r.createSeconds(),
        error,
        r.plannedBytes() >> 20);
    shared.ifPresent(s -> print(console, s, ranks));
    // Other ranks are other programs to this one.
    disturbance
        .filter(d -> ranks == 1)
        .flatMap(d -> d.warning(r.spread()))
        .ifPresent(reason -> console.note(Text.format("%s: %s", c.name(), reason)));
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("configuration", c.name());
    values.put("backend", backend.name());
    values.put("description", backend.description());
    values.put("images_per_second", r.imagesPerSecond());
    values.put("median_ms", 1e3 * r.median());
    values.put("p95_ms", 1e3 * r.quantile(0.95));
    values.put("spread", r.spread());
    values.put("steps", r.seconds().length);
    values.put("threads", threads.count());
    disturbance.ifPresent(
        d -> {
          values.put("others_share", d.others());
          values.put("stolen_share", d.stolen());
        });
    values.put("create_s", r.createSeconds());
    values.put("planned_bytes", r.plannedBytes());
    values.put("peak_bytes", shared.map(RankSteps::peakBytes).orElseGet(ProcessMemory::peakBytes));
    shared.ifPresent(s -> values.putAll(values(s, sharing)));
    if (!unchecked) {
      values.put("error", error);
    }
    console.object(values);
    if (csv != null && sharing.ranks().leads()) {
      List<List<String>> rows = new ArrayList<>(List.of(List.of("step", "milliseconds")));
      for (int i = 0; i < r.seconds().length; i++) {
        String millis = String.format(Locale.ROOT, "%.3f", 1e3 * r.seconds()[i]);
        rows.add(List.of(String.valueOf(i + 1), millis));
      }
      Csv.write(file(backend, c), rows);
    }
  }

  private static void print(Console console, RankSteps s, int ranks) {
    console.print(
        "  each of %s ranks; %.2f ms without the exchange (%s), which alone takes %.2f ms: %.1f %%"
            + " of the step is exposed%n  %.1f MB to add up, %d MB of memory at most",
        ranks,
        1e3 * s.alone(),
        s.carrier(),
        1e3 * Quantile.of(s.bare(), 0.5),
        100 * s.exposed() / s.together().median(),
        s.bytes() / 1e6,
        s.peakBytes() >> 20);
  }

  private static Map<String, Object> values(RankSteps s, Sharing sharing) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("ranks", sharing.ranks().size());
    values.put("exchange", s.carrier());
    values.put("wire", sharing.wire().id());
    values.put("without_exchange_ms", 1e3 * s.alone());
    values.put("exposed_ms", 1e3 * s.exposed());
    values.put("waited_ms", 1e3 * Quantile.of(s.waited(), 0.5));
    values.put("exchange_ms", 1e3 * Quantile.of(s.bare(), 0.5));
    values.put("exchange_bytes", s.bytes());
    values.put("exchanges", s.exchanges());
    return values;
  }
}
