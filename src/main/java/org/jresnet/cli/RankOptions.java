package org.jresnet.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.jresnet.backend.Precision;
import org.jresnet.base.Processor;
import org.jresnet.base.Text;
import org.jresnet.bench.Benchmark;
import org.jresnet.bench.Benchmark.Configuration;
import org.jresnet.bench.Ceilings;
import org.jresnet.bench.Disturbance;
import org.jresnet.bench.Link;
import org.jresnet.bench.Profile;
import org.jresnet.bench.RankForecast;
import org.jresnet.bench.RankForecast.Measured;
import org.jresnet.bench.RankForecast.Message;
import org.jresnet.bench.RankForecast.Step;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.BackendSettings;
import org.jresnet.engine.Compute;
import org.jresnet.graph.Graph;
import picocli.CommandLine.Option;

/** What {@code plan} says of training with several ranks. */
@Heading("Several ranks")
final class RankOptions {
  private static final int TABLE = 1024;
  private static final int STEPS = 5;

  /** An efficiency below which ranks are better used otherwise. */
  private static final double WORTH = 0.9;

  @Option(
      names = "--ranks",
      paramLabel = "N",
      description = {
        "Instead: predict a training step of N ranks, each with --batch images, from measured times"
            + " of one. Shown is a table up to 1024."
      })
  @Within(min = 1, max = Within.MANY)
  private Integer ranks;

  @Option(
      names = "--network",
      paramLabel = "RATE,LATENCY",
      defaultValue = "100Gbit,5us",
      description = "Between two ranks: Mbit, Gbit, MB or GB a second; ns, us or ms.")
  private String network;

  @Option(
      names = "--profile",
      paramLabel = "FILE",
      description = {
        "Times of one rank, from profile --csv with the same network, classes and batch; default:"
            + " measured here, on the GPU if one is usable, else on the CPU."
      })
  private Path profile;

  @Option(
      names = "--wire",
      paramLabel = "TYPE",
      defaultValue = "fp32",
      description = "Gradients travel as fp32 or bf16.")
  private String wire;

  /** Whether a forecast was asked for. */
  boolean asked() {
    return ranks != null;
  }

  /** Predicts and prints; rows for the table come out. */
  List<List<String>> plan(Console console, Configuration c) {
    Link link = UsageError.unlessValid(() -> Link.of(network));
    if (!wire.equals("fp32") && !wire.equals("bf16")) {
      throw new UsageError(Text.format("--wire must be fp32 or bf16, found '%s'", wire));
    }
    int width = wire.equals("fp32") ? 4 : 2;
    Graph graph = Arguments.graph(c.network(), c.classes(), null);
    RankForecast forecast =
        new RankForecast(graph, measured(console, c).require(graph, c.batch(), c.size()));
    List<Message> messages = forecast.messages();
    console.print(
        "%s on %s%nOne rank: %.1f ms a step; %s of gradients in %s, the last of %.1f MB%n",
        c.name(),
        profile == null ? Processor.andJava() : profile.toString(),
        1e3 * forecast.alone(),
        Text.format("%.1f MB", messages.stream().mapToLong(Message::bytes).sum() * width / 4e6),
        Text.count(messages.size(), "bucket"),
        messages.get(messages.size() - 1).bytes() * width / 4e6);
    console.print(
        "%6s %10s %10s %11s %11s %12s  %s",
        "ranks", "ms/step", "images/s", "exchange", "exposed", "efficiency", "largest message by");
    TreeSet<Integer> counts = new TreeSet<>(RankForecast.ranksUpTo(TABLE));
    counts.add(ranks);
    List<Step> table = new ArrayList<>();
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("ranks", "ms", "images_per_s", "exchange_ms", "exposed_ms", "efficiency"));
    for (int p : counts) {
      Step step = forecast.step(p, link, width);
      table.add(step);
      double rate = p * c.batch() / step.seconds();
      console.print(
          "%6d %10.1f %10.0f %8.1f ms %8.1f ms %10.1f %%  %s%s",
          p,
          1e3 * step.seconds(),
          rate,
          1e3 * step.exchange(),
          1e3 * step.exposed(),
          100 * step.efficiency(),
          step.algorithm(),
          p == ranks ? "  <- --ranks" : "");
      console.object(values(step, rate));
      rows.add(
          List.of(
              String.valueOf(p),
              decimal(1e3 * step.seconds()),
              decimal(rate),
              decimal(1e3 * step.exchange()),
              decimal(1e3 * step.exposed()),
              decimal(step.efficiency())));
    }
    console.print("%n%s", forecast.limit(table, WORTH));
    return rows;
  }

  private static String decimal(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }

  private static Map<String, Object> values(Step step, double rate) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("ranks", step.ranks());
    values.put("ms", 1e3 * step.seconds());
    values.put("images_per_s", rate);
    values.put("exchange_ms", 1e3 * step.exchange());
    values.put("exposed_ms", 1e3 * step.exposed());
    values.put("last_bucket_ms", 1e3 * step.last());
    values.put("efficiency", step.efficiency());
    values.put("algorithm", step.algorithm());
    return values;
  }

  private Measured measured(Console console, Configuration c) {
    if (profile != null) {
      return Measured.read(profile);
    }
    Optional<Precision> precision = Optional.of(c.precision());
    try (Compute compute = Compute.open(BackendKind.AUTO, precision, BackendSettings.defaults())) {
      Ceilings ceilings = Ceilings.measure(compute.backend(), c.precision());
      Disturbance.Watch watch = Disturbance.watch();
      Profile measured = Benchmark.profile(compute.backend(), c, STEPS);
      watch.stop().flatMap(d -> d.warning(0)).ifPresent(console::note);
      return Measured.of(measured, ceilings);
    }
  }
}
