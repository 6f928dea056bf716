package org.jresnet.bench;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.LossScale;
import org.jresnet.backend.Tensor;
import org.jresnet.base.ProcessMemory;
import org.jresnet.base.Quantile;
import org.jresnet.base.UserError;
import org.jresnet.bench.Benchmark.Configuration;
import org.jresnet.bench.Benchmark.Result;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.RankFailure;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.GradientExchange;
import org.jresnet.engine.GradientExchange.Sharing;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.engine.Replicas;

/**
 * Training steps that several ranks make together, beside the same steps without the exchange. The
 * two take turns, on all ranks at once, so that both share the machine alike. A step begins when
 * all ranks are there, and has taken as long as on the slowest of them: what is then left between
 * the two is communication.
 *
 * @param carrier what carries gradients: MPI, or the library between the devices
 * @param together steps with the exchange; their images are those of one rank
 * @param apart seconds of steps without it
 * @param waited seconds in which the rank that waited least waited for sums in a step
 * @param bare seconds of adding up all gradients where nothing is computed meanwhile
 * @param bytes that a rank has to add up in a step, before what the way of adding adds
 * @param exchanges how often they were added up in all, for who counts bytes on the network
 * @param peakBytes most memory of a rank's process
 */
public record RankSteps(
    String carrier,
    Result together,
    double[] apart,
    double[] waited,
    double[] bare,
    long bytes,
    int exchanges,
    long peakBytes) {
  private static final int WARM_UPS = 2;

  /** Seconds of a step without the exchange. */
  public double alone() {
    return Quantile.of(apart, 0.5);
  }

  /** Seconds by which the exchange makes a step longer. */
  public double exposed() {
    return together.median() - alone();
  }

  /**
   * Makes so many steps of both kinds, after two that warm up. Every rank calls this and gets the
   * same figures.
   *
   * @param leastSeconds of the steps with the exchange together
   * @throws UserError when ranks that started alike differ after a step
   */
  public static RankSteps measure(
      Backend backend, Configuration c, Sharing sharing, int leastSteps, double leastSeconds) {
    long start = System.nanoTime();
    Communicator ranks = sharing.ranks();
    CompileOptions plain = Benchmark.training(c);
    try (Model model = Benchmark.model(backend, c.network(), c.classes(), c.precision());
        OptimizerState optimizer = Benchmark.optimizer(model);
        GradientExchange exchange =
            GradientExchange.of(model, sharing, Set.of(), GradientExchange.Statistics.OWN);
        Executable together =
            Replicas.leadFirst(
                ranks, backend, () -> Executable.compile(model, plain.withExchange(exchange)));
        Executable apart =
            Replicas.leadFirst(ranks, backend, () -> together.compileSharingMemory(plain))) {
      optimizer.decideBy(0, new LossScale(c.precision(), LossScale.State.START));
      Steps steps = new Steps(c, ranks, model, optimizer, exchange);
      steps.take(together, true);
      requireEqual(model, optimizer, ranks);
      double create = (System.nanoTime() - start) / 1e9;
      double[][] own = steps.times(together, apart, leastSteps, leastSeconds);
      double[][] slowest = combined(ranks, own);
      return new RankSteps(
          exchange.amongDevices() ? backend.interconnect().orElseThrow().library() : "MPI",
          new Result(c, create, together.memoryBytes(), slowest[0]),
          slowest[1],
          slowest[2],
          slowest[3],
          exchange.bytes(),
          steps.exchanges,
          (long) slowest[4][0]);
    }
  }

  private static void requireEqual(Model model, OptimizerState optimizer, Communicator ranks) {
    String own = Replicas.digest(model, optimizer);
    if (ranks.gather(own).stream().anyMatch(other -> !other.equals(own))) {
      throw new UserError(
          "ranks that began with the same weights differ after one step; not timed. The MPI or the"
              + " network adds up wrongly");
    }
  }

  /** A rank's steps. */
  private static final class Steps {
    private final Communicator ranks;
    private final Model model;
    private final OptimizerState optimizer;
    private final GradientExchange exchange;
    private final ByteBuffer one = ByteBuffer.allocateDirect(Float.BYTES);
    private final byte[] pixels;
    private final int[] labels;
    private final double[] figures = new double[4];
    private int exchanges;

    Steps(
        Configuration c,
        Communicator ranks,
        Model model,
        OptimizerState optimizer,
        GradientExchange exchange) {
      this.ranks = ranks;
      this.model = model;
      this.optimizer = optimizer;
      this.exchange = exchange;
      pixels = Benchmark.pixels(c.batch(), c.size());
      labels = Benchmark.labels(c);
    }

    /**
     * Reads the loss at once, as a training whose gradients pass through the hosts does. Among
     * devices it would read it a step later; both kinds of step are timed alike.
     */
    void take(Executable step, boolean exchanging) {
      long run = step.start(pixels, labels);
      if (exchanging) {
        exchange.finish();
        exchanges++;
      }
      long update = optimizer.update(Benchmark.RATE, exchanging ? ranks.size() : 1);
      step.loss(run);
      optimizer.report(update);
      if (exchanging) {
        requireSums();
        ranks.sum(figures);
      }
    }

    private void exchangeAlone() {
      exchange.start();
      exchange.finish();
      // Reading what was added up waits for devices.
      Tensor gradients = model.gradients();
      gradients.buffer().read(gradients.offset(), one.clear());
      requireSums();
      exchanges++;
    }

    private void requireSums() {
      if (exchange.failure().isPresent()) {
        throw RankFailure.of(ranks.rank(), exchange.failure().get());
      }
    }

    /** Seconds from where all ranks are there to where this one is done. */
    private double timed(Runnable work) {
      ranks.barrier();
      long begin = System.nanoTime();
      work.run();
      return (System.nanoTime() - begin) / 1e9;
    }

    /** Rows: together, apart, waited, bare. */
    double[][] times(Executable together, Executable apart, int leastSteps, double leastSeconds) {
      List<double[]> steps = new ArrayList<>();
      double[] more = {1};
      for (int s = -WARM_UPS; more[0] > 0; s++) {
        exchange.takeWaitNanos();
        double shared = timed(() -> take(together, true));
        double waited = exchange.takeWaitNanos() / 1e9;
        double alone = timed(() -> take(apart, false));
        double bare = timed(this::exchangeAlone);
        if (s >= 0) {
          steps.add(new double[] {shared, alone, waited, bare});
        }
        double total = steps.stream().mapToDouble(row -> row[0]).sum();
        more[0] = steps.size() < leastSteps || total < leastSeconds ? 1 : 0;
        // They stop together.
        ranks.sum(more);
      }
      double[][] rows = new double[4][steps.size()];
      for (int s = 0; s < steps.size(); s++) {
        for (int k = 0; k < rows.length; k++) {
          rows[k][s] = steps.get(s)[k];
        }
      }
      return rows;
    }
  }

  /** Of each step the slowest rank's time, and the shortest wait; a last row has the memory. */
  private static double[][] combined(Communicator ranks, double[][] own) {
    int count = own[0].length;
    ByteBuffer said = ByteBuffer.allocate((own.length * count + 1) * Double.BYTES);
    for (double[] row : own) {
      Arrays.stream(row).forEach(said::putDouble);
    }
    said.putDouble(ProcessMemory.peakBytes());
    double[][] all = new double[own.length + 1][count];
    Arrays.fill(all[2], Double.POSITIVE_INFINITY);
    for (byte[] other : ranks.gather(said.array())) {
      ByteBuffer read = ByteBuffer.wrap(other);
      for (int k = 0; k < own.length; k++) {
        for (int s = 0; s < count; s++) {
          double seconds = read.getDouble();
          all[k][s] = k == 2 ? Math.min(all[k][s], seconds) : Math.max(all[k][s], seconds);
        }
      }
      all[own.length][0] = Math.max(all[own.length][0], read.getDouble());
    }
    return all;
  }
}
