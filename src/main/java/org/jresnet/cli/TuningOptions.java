package org.jresnet.cli;

import org.jresnet.backend.Tuning;
import org.jresnet.backend.cpu.CpuOptions;
import org.jresnet.base.Named;
import picocli.CommandLine.Option;

/** How implementations are chosen. */
@Heading("Choice of implementations")
final class TuningOptions {
  @Option(
      names = "--tune",
      paramLabel = "HOW",
      description =
          "off: the library's own choice. race: the fastest on the real shapes, timed once and"
              + " remembered per machine; the default on the CPU. heuristic: cuDNN's best guess; the"
              + " default on a GPU.")
  private String tune;

  @Option(
      names = "--no-winograd",
      description =
          "Leave Winograd's algorithm out of the race on the CPU. It rounds differently from a"
              + " direct convolution.")
  private boolean direct;

  /** For a GPU. */
  Tuning gpu() {
    return tune == null ? Tuning.HEURISTIC : tuning();
  }

  /** For the CPU; the console is told what takes time. */
  CpuOptions cpu(Console console) {
    CpuOptions defaults = CpuOptions.defaults();
    return new CpuOptions(
        tune == null ? defaults.tuning() : tuning(),
        !direct && defaults.winograd(),
        defaults.cache(),
        note -> console.print("%s", note));
  }

  private Tuning tuning() {
    return UsageError.unlessValid(() -> Named.of(Tuning.class, "--tune", tune));
  }
}
