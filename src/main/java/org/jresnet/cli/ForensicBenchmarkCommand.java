package org.jresnet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.detect.forensic.ForensicBenchmark;
import org.jresnet.detect.forensic.ForensicResult;
import org.jresnet.detect.forensic.ForensicSettings;
import org.jresnet.engine.Compute;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jresnet forensic-benchmark}. */
@Command(
    name = "forensic-benchmark",
    sortOptions = false,
    description = {
      "Draws faces, lets simulated generators rebuild them, trains detectors, and measures them on other generators, under"
          + " degradations, and before and after the removal of fingerprints. It teaches and tests; it says nothing about"
          + " real generators."
    })
final class ForensicBenchmarkCommand implements Callable<Integer> {
  @Heading("Output")
  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for images, detectors and results; new or empty.")
  private Path out;

  @Heading("Benchmark")
  @Option(names = "--quick", description = "A third of the scenes and smaller networks.")
  private boolean quick;

  @Option(names = "--seed", defaultValue = "42", description = "Seed of everything.")
  @Within
  private long seed;

  @Heading("Output")
  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() {
    Console console = new Console(json);
    ForensicBenchmark.requireEmpty(out);
    ForensicSettings settings = quick ? ForensicSettings.quick(seed) : ForensicSettings.full(seed);
    ForensicResult result;
    try (Compute compute = backendOptions.open(console);
        Stages stages = new Stages(console)) {
      result = new ForensicBenchmark(settings, out, compute, stages).run();
    }
    console.print("");
    result.lines().forEach(line -> console.print("%s", line));
    console.print(
        "%nDone in %.0f s. Saved as %s", result.seconds(), out.resolve(ForensicResult.FILE));
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("out", out.toString());
    values.putAll(result.values());
    console.object(values);
    return 0;
  }

  /** A line per stage, and a bar for people at a terminal. */
  private static final class Stages implements ForensicBenchmark.Listener, AutoCloseable {
    private final Console console;
    private String what = "";
    private ProgressBar bar;

    Stages(Console console) {
      this.console = console;
    }

    @Override
    public void stage(String name) {
      close();
      what = name;
      console.print("%s", name);
    }

    @Override
    public synchronized void progress(int done, int of) {
      if (bar == null) {
        bar = Progress.bar(what, of, "");
      }
      bar.step();
    }

    @Override
    public void close() {
      if (bar != null) {
        bar.close();
        bar = null;
      }
    }
  }
}
