package org.jresnet.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What disturbed a measurement: how much of the machine other programs used, and how much of it
 * other virtual machines took, from Linux's <a
 * href="https://man7.org/linux/man-pages/man5/proc_stat.5.html">/proc/stat</a>.
 *
 * @param others share of all processors' time that other programs used
 * @param stolen share of it that the host gave to other virtual machines ("steal")
 * @param load load average of the last minute
 * @param processors processors of the machine
 */
public record Disturbance(double others, double stolen, double load, int processors) {
  private static final double MOST_OTHERS = 0.05;
  private static final double MOST_STOLEN = 0.02;
  private static final double MOST_SPREAD = 0.1;

  /**
   * Clock ticks of all processors since the machine started.
   *
   * @param all of any kind
   * @param busy of programs and the kernel
   * @param stolen given to other virtual machines
   */
  record Ticks(long all, long busy, long stolen) {
    /** Reads the first line of /proc/stat; empty if it is none. */
    static Optional<Ticks> of(String line) {
      String[] words = line.strip().split("\\s+");
      if (words.length < 9 || !words[0].equals("cpu")) {
        return Optional.empty();
      }
      // user nice system idle iowait irq softirq steal; what follows is part of user and nice.
      long[] t = new long[8];
      long all = 0;
      for (int i = 0; i < t.length; i++) {
        t[i] = Long.parseLong(words[i + 1]);
        all += t[i];
      }
      return Optional.of(new Ticks(all, t[0] + t[1] + t[2] + t[5] + t[6], t[7]));
    }

    private static Optional<Ticks> now() {
      try (var lines = Files.lines(Path.of("/proc/stat"))) {
        return lines.findFirst().flatMap(Ticks::of);
      } catch (IOException | NumberFormatException e) {
        return Optional.empty();
      }
    }
  }

  /** A measurement that goes on. */
  public static final class Watch {
    private final Optional<Ticks> first = Ticks.now();
    private final long ownNanos = system().getProcessCpuTime();
    private final long start = System.nanoTime();

    private Watch() {}

    /** What happened since the start; empty where the system does not say. */
    public Optional<Disturbance> stop() {
      OperatingSystemMXBean system = system();
      double seconds = (System.nanoTime() - start) / 1e9;
      double own = (system.getProcessCpuTime() - ownNanos) / 1e9 / seconds;
      return first.flatMap(
          before ->
              Ticks.now()
                  .filter(after -> after.all > before.all)
                  .map(after -> between(before, after, own, system.getSystemLoadAverage())));
    }

    private static OperatingSystemMXBean system() {
      return (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    }
  }

  /** Starts to watch. */
  public static Watch watch() {
    return new Watch();
  }

  /** From two looks at the counters; {@code own} is the mean number of processors in own use. */
  static Disturbance between(Ticks before, Ticks after, double own, double load) {
    int processors = Runtime.getRuntime().availableProcessors();
    double all = after.all - before.all;
    double busy = (after.busy - before.busy) / all;
    return new Disturbance(
        Math.max(0, busy - own / processors),
        (after.stolen - before.stolen) / all,
        load,
        processors);
  }

  /** Why figures that were measured meanwhile mean little, if so; {@code spread} of the steps. */
  public Optional<String> warning(double spread) {
    List<String> reasons = new ArrayList<>();
    if (others > MOST_OTHERS) {
      reasons.add(
          String.format(
              Locale.ROOT,
              "other programs used %.0f %% of the %d processors (load average %.1f)",
              100 * others,
              processors,
              load));
    }
    if (stolen > MOST_STOLEN) {
      reasons.add(
          String.format(
              Locale.ROOT, "other virtual machines took %.0f %% of the time", 100 * stolen));
    }
    if (spread > MOST_SPREAD) {
      reasons.add(
          String.format(
              Locale.ROOT, "the middle half of the steps differ by %.0f %%", 100 * spread));
    }
    return reasons.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "these figures are unreliable: "
                + String.join(", ", reasons)
                + "; end other programs and measure again");
  }
}
