package org.jresnet.cli;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tuning;
import org.jresnet.backend.cpu.CpuOptions;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.backend.gpu.GpuReport;
import org.jresnet.base.Processor;
import org.jresnet.base.UserError;
import org.jresnet.base.Version;
import org.jresnet.bench.Ceilings;
import org.jresnet.distributed.Launch;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.BackendSettings;
import org.jresnet.engine.Backends;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.models.Architecture;
import org.jresnet.train.ModelFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jresnet doctor}. */
@Command(name = "doctor", description = "Says what this machine offers, and tries it out.")
final class DoctorCommand implements Callable<Integer> {
  private static final int RUNS = 5;
  private static final int SIZE = 224;

  @Option(names = "--json", description = "Print the findings as a JSON object.")
  private boolean json;

  @Mixin private GpuOptions gpuOptions;

  private final Map<String, Object> findings = new LinkedHashMap<>();

  @Override
  public Integer call() throws Exception {
    Console console = new Console(json);
    OperatingSystemMXBean os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    find(console, "jresnet", Version.number());
    find(
        console,
        "java",
        System.getProperty("java.version") + " (" + System.getProperty("java.vendor") + ")");
    find(
        console,
        "system",
        System.getProperty("os.name")
            + " "
            + System.getProperty("os.version")
            + " "
            + System.getProperty("os.arch"));
    find(console, "processor", Processor.name());
    find(console, "processors", Runtime.getRuntime().availableProcessors());
    find(console, "memory_mb", os.getTotalMemorySize() >> 20);
    find(console, "java_heap_mb", Runtime.getRuntime().maxMemory() >> 20);
    find(console, "OMP_NUM_THREADS", String.valueOf(System.getenv("OMP_NUM_THREADS")));
    find(console, "ONEDNN_MAX_CPU_ISA", String.valueOf(System.getenv("ONEDNN_MAX_CPU_ISA")));
    cpu(console);
    mpi(console);
    gpu(console);
    console.object(findings);
    return 0;
  }

  private void cpu(Console console) {
    try (Backend backend = Backends.open("cpu")) {
      find(console, "cpu", backend.description());
      for (Precision precision : List.of(Precision.FP32, Precision.BF16)) {
        String key = "onednn_" + precision.id();
        if (backend.supports(precision) instanceof Support.No no) {
          find(console, key, "no: " + no.reason());
        } else {
          find(
              console,
              key,
              String.format(
                  java.util.Locale.ROOT,
                  "%s, one image of %dx%d: %.1f ms",
                  Architecture.DEFAULT,
                  SIZE,
                  SIZE,
                  time(backend, precision)));
        }
      }
    } catch (UserError e) {
      find(console, "cpu", "no: " + e.getMessage());
    }
  }

  private void mpi(Console console) {
    try {
      find(console, "mpi", Launch.binding(System.getenv()));
    } catch (UserError e) {
      find(console, "mpi", "no: " + e.getMessage());
    }
  }

  private void gpu(Console console) {
    CudnnOptions options = gpuOptions.options(Tuning.HEURISTIC);
    GpuReport.collect(options).forEach((key, value) -> find(console, key, value));
    if (!"usable".equals(findings.get("gpu"))) {
      return;
    }
    try (Backend backend =
        Backends.open(BackendKind.GPU, new BackendSettings(CpuOptions.defaults(), options))) {
      for (Precision precision :
          List.of(Precision.FP32, Precision.TF32, Precision.BF16, Precision.FP16)) {
        String key = "cudnn_" + precision.id();
        if (backend.supports(precision) instanceof Support.No no) {
          find(console, key, "no: " + no.reason());
        } else {
          Ceilings c = Ceilings.measure(backend, precision);
          find(
              console,
              key,
              String.format(
                  java.util.Locale.ROOT,
                  "a convolution at %.1f TFLOP/s, an addition at %.0f GB/s",
                  c.flopsPerSecond() / 1e12,
                  c.bytesPerSecond() / 1e9));
        }
      }
    }
  }

  private void find(Console console, String key, Object value) {
    findings.put(key, value);
    console.print("%-38s %s", key, value);
  }

  private static double time(Backend backend, Precision precision) {
    Architecture network = Architecture.of(Architecture.DEFAULT);
    CompileOptions options = CompileOptions.inference(1, SIZE, ModelFiles.normalization(network));
    try (Model model =
        new Model(network.graph(Architecture.PUBLISHED_CLASSES), backend, precision)) {
      model.initialize(1, Model.BlockEnd.ONE);
      try (Executable e = Executable.compile(model, options)) {
        byte[] grey = new byte[SIZE * SIZE * 3];
        e.infer(grey);
        double best = Double.MAX_VALUE;
        for (int i = 0; i < RUNS; i++) {
          long start = System.nanoTime();
          e.infer(grey);
          best = Math.min(best, (System.nanoTime() - start) / 1e6);
        }
        return best;
      }
    }
  }
}
