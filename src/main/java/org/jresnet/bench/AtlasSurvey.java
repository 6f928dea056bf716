package org.jresnet.bench;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Contest;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.base.Processor;
import org.jresnet.base.UserError;
import org.jresnet.base.Version;
import org.jresnet.bench.Atlas.Row;
import org.jresnet.bench.NetworkContests.Entry;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.CompileOptions.Images;
import org.jresnet.engine.Executable.NamedSpec;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Graph;

/**
 * Measures an {@link Atlas}: every convolution of a network in training, and in int8 those of
 * inference, each product by each implementation.
 */
public final class AtlasSurvey {
  /**
   * What to measure.
   *
   * @param graph the network
   * @param images batch and extents; they are square
   * @param precisions in this order
   * @param threads of the backend
   */
  public record Setup(Graph graph, Images images, List<Precision> precisions, int threads) {
    /** Copies the list. */
    public Setup {
      precisions = List.copyOf(precisions);
    }
  }

  /** Hears of each product that was measured. */
  public interface Listener {
    /**
     * One product is done.
     *
     * @param rows its implementations
     * @param done share of the work that is done
     * @param secondsLeft about
     */
    void measured(List<Row> rows, double done, double secondsLeft);
  }

  /** One product in one precision. */
  private record Job(Precision precision, Entry entry, OpSpec op) {
    /** About in proportion to its time. */
    double work() {
      return LEAST_WORK + op.macs() * (double) entry.contest().candidates().size();
    }
  }

  /** Multiply-accumulates that take as long as what each product needs besides. */
  private static final double LEAST_WORK = 2e8;

  private final CpuBackend backend;
  private final Setup setup;

  private AtlasSurvey(CpuBackend backend, Setup setup) {
    this.backend = backend;
    this.setup = setup;
  }

  /**
   * Measures everything.
   *
   * @throws UserError if the network has no convolutions
   */
  public static Atlas run(CpuBackend backend, Setup setup, Listener listener) {
    return new AtlasSurvey(backend, setup).run(listener);
  }

  private Atlas run(Listener listener) {
    List<Job> jobs = jobs();
    if (jobs.isEmpty()) {
      throw new UserError(setup.graph.name() + " has no convolutions to measure");
    }
    double work = jobs.stream().mapToDouble(Job::work).sum();
    double done = 0;
    Map<Precision, Double> peaks = new EnumMap<>(Precision.class);
    for (Precision precision : setup.precisions) {
      peaks.put(precision, Ceilings.measure(backend, precision).flopsPerSecond() / 1e9);
    }
    long start = System.nanoTime();
    List<Row> rows = new ArrayList<>();
    ConvolutionError error = null;
    for (Job job : jobs) {
      if (error == null || !error.op().equals(job.op)) {
        error = new ConvolutionError(backend, job.op);
      }
      List<Row> measured = rows(job, peaks, error);
      rows.addAll(measured);
      done += job.work();
      double seconds = (System.nanoTime() - start) / 1e9;
      listener.measured(measured, done / work, seconds * (work - done) / done);
    }
    // A later convolution may be faster than all before it, and than those of the ceilings.
    List<Row> all = rows.stream().map(row -> row.withPeak(peaks.get(row.precision()))).toList();
    return new Atlas(Atlas.FORMAT, origin(), all);
  }

  private List<Job> jobs() {
    List<Job> jobs = new ArrayList<>();
    for (Precision precision : setup.precisions) {
      Pass pass = precision == Precision.INT8 ? Pass.INFERENCE : Pass.TRAINING;
      List<NamedSpec> ops =
          NetworkContests.specs(setup.graph, CompileOptions.of(pass, setup.images), precision)
              .stream()
              .filter(op -> op.spec().op() instanceof Conv2d)
              .toList();
      List<Entry> entries = NetworkContests.of(backend, ops);
      for (Entry entry : entries) {
        OpSpec op =
            ops.stream()
                .filter(o -> o.name().equals(entry.nodes().get(0)))
                .findFirst()
                .orElseThrow()
                .spec();
        jobs.add(new Job(precision, entry, op));
      }
    }
    return jobs;
  }

  private List<Row> rows(Job job, Map<Precision, Double> peaks, ConvolutionError error) {
    Contest contest = job.entry.contest();
    Map<String, Double> times = backend.race(contest);
    double flops = 2.0 * contest.spec().macs() / 1e6;
    double direct = flops / times.get(contest.candidates().get(0));
    double peak = peaks.merge(job.precision, direct, Math::max);
    List<Row> rows = new ArrayList<>();
    for (String candidate : contest.candidates()) {
      if (!times.containsKey(candidate)) {
        continue; // it computed something else, and the race has said so
      }
      double ms = times.get(candidate);
      rows.add(
          new Row(
              contest.name(),
              convolution(job.op),
              contest.operation(),
              job.precision,
              candidate,
              setup.threads,
              job.entry.nodes().size(),
              ms,
              flops / ms,
              peak,
              error.of(contest, candidate)));
    }
    return rows;
  }

  /** Such as {@code 3x3/2 g32 64->64 @56}. */
  private static String convolution(OpSpec spec) {
    Conv2d op = (Conv2d) spec.op();
    Axis rows = op.rows();
    return rows.size()
        + "x"
        + op.columns().size()
        + (rows.stride() > 1 ? "/" + rows.stride() : "")
        + (op.groups() > 1 ? " g" + op.groups() : "")
        + " "
        + op.c()
        + "->"
        + op.k()
        + " @"
        + spec.x().h();
  }

  private Atlas.Origin origin() {
    return new Atlas.Origin(
        setup.graph.name(),
        setup.images.batch(),
        setup.images.height(),
        Processor.andJava(),
        List.of(backend.description()),
        Version.number(),
        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
  }
}
