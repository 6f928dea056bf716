package org.jresnet.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToLongFunction;

/**
 * Trains, evaluates and predicts over and over in one process and watches what it holds: {@code
 * tools/soak}. Arguments: minutes, an empty folder to work in.
 */
public final class Soak {
  /** Rounds before anything is compared: classes are loaded and compiled, pools fill up. */
  private static final int WARM_UP = 5;

  private static final int LEAST_ROUNDS = WARM_UP + 10;
  private static final long MIB = 1 << 20;

  /** What may grow, and by how much between the first and the last fifth of the rounds. */
  private enum Watched {
    RSS("resident memory", 64 * MIB, Sample::rss),
    NATIVE("native memory", 64 * MIB, Sample::nativeBytes),
    HEAP("Java heap after a collection", 8 * MIB, Sample::heap),
    THREADS("threads", 2, Sample::threads),
    FILES("open files", 2, Sample::files);

    private final String text;
    private final long bound;
    private final ToLongFunction<Sample> value;

    Watched(String text, long bound, ToLongFunction<Sample> value) {
      this.text = text;
      this.bound = bound;
      this.value = value;
    }

    long median(List<Sample> samples) {
      long[] sorted = samples.stream().mapToLong(value).sorted().toArray();
      return sorted[sorted.length / 2];
    }

    String show(long n) {
      return bound < MIB ? String.valueOf(n) : String.format(Locale.ROOT, "%.1f MB", n / 1e6);
    }
  }

  /**
   * What the process holds.
   *
   * @param rss bytes in memory that are no mapped file
   * @param nativeBytes those that belong to neither the heap nor the JVM's classes and code
   * @param heap bytes in use
   */
  private record Sample(long rss, long nativeBytes, long heap, long threads, long files) {
    static Sample take() throws IOException {
      MemoryMXBean memory = ManagementFactory.getMemoryMXBean();
      memory.gc();
      long rss = 0;
      long threads = 0;
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        String[] words = line.split("\\s+");
        switch (words[0]) {
          case "RssAnon:" -> rss = Long.parseLong(words[1]) << 10;
          case "Threads:" -> threads = Long.parseLong(words[1]);
          default -> {}
        }
      }
      long own =
          memory.getHeapMemoryUsage().getCommitted() + memory.getNonHeapMemoryUsage().getUsed();
      try (var files = Files.list(Path.of("/proc/self/fd"))) {
        return new Sample(
            rss, rss - own, memory.getHeapMemoryUsage().getUsed(), threads, files.count());
      }
    }
  }

  private Soak() {}

  /** Exits with 1 if a command fails or something grows. */
  public static void main(String[] arguments) throws IOException {
    double minutes = Double.parseDouble(arguments[0]);
    Path folder = Path.of(arguments[1]);
    PrintStream out = System.out;
    PrintStream err = System.err;
    Path log = folder.resolve("log.txt");
    List<Sample> samples = new ArrayList<>();
    boolean ran = true;
    long start = System.nanoTime();
    try (PrintStream quiet = new PrintStream(log.toFile(), StandardCharsets.UTF_8)) {
      System.setOut(quiet);
      System.setErr(quiet);
      String demo = folder.resolve("demo").toString();
      ran = run("demo --images 24 --epochs 1 --model resnet18 --size 32 --out", demo);
      out.printf(
          "%8s %6s %10s %10s %10s %8s %6s%n",
          "minutes", "rounds", "RSS MB", "native MB", "heap MB", "threads", "files");
      double next = 0;
      while (ran && (samples.size() < LEAST_ROUNDS || passed(start) < minutes)) {
        ran = round(folder);
        Sample s = Sample.take();
        samples.add(s);
        if (passed(start) >= next) {
          show(out, passed(start), samples.size(), s);
          next = passed(start) + minutes / 20;
        }
      }
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
    if (!ran) {
      List<String> lines = Files.readAllLines(log);
      lines.stream().skip(Math.max(0, lines.size() - 20)).forEach(System.err::println);
      System.err.println("soak: a command failed in round " + samples.size() + ", see above");
      System.exit(1);
    }
    System.exit(verdict(samples.subList(WARM_UP, samples.size())) ? 0 : 1);
  }

  private static double passed(long start) {
    return (System.nanoTime() - start) / 60e9;
  }

  private static boolean round(Path folder) {
    String faces = folder.resolve("demo").resolve("faces").toString();
    String run = folder.resolve("run").toString();
    return run(
            "train --epochs 1 --batch 8 --model resnet18 --size 32 --overwrite --out", run, faces)
        && run("evaluate", run, faces)
        && run("predict", run, faces);
  }

  private static boolean run(String command, String... paths) {
    List<String> words = new ArrayList<>(List.of(command.split(" ")));
    words.addAll(List.of(paths));
    return Main.run(words.toArray(String[]::new)) == 0;
  }

  private static void show(PrintStream out, double minutes, int rounds, Sample s) {
    out.printf(
        Locale.ROOT,
        "%8.1f %6d %10.1f %10.1f %10.1f %8d %6d%n",
        minutes,
        rounds,
        s.rss / 1e6,
        s.nativeBytes / 1e6,
        s.heap / 1e6,
        s.threads,
        s.files);
  }

  private static boolean verdict(List<Sample> samples) {
    int fifth = samples.size() / 5;
    List<Sample> first = samples.subList(0, fifth);
    List<Sample> last = samples.subList(samples.size() - fifth, samples.size());
    System.out.printf(
        "%n%d rounds after %d to warm up; medians of the first and the last fifth:%n",
        samples.size(), WARM_UP);
    boolean holds = true;
    for (Watched w : Watched.values()) {
      long before = w.median(first);
      long after = w.median(last);
      boolean good = after - before <= w.bound;
      holds &= good;
      System.out.printf(
          "%-30s %12s -> %12s  (may grow by %s)  %s%n",
          w.text, w.show(before), w.show(after), w.show(w.bound), good ? "ok" : "GREW");
    }
    return holds;
  }
}
