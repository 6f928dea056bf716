package org.jresnet.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.Backend;
import org.jresnet.backend.ForwardingBackend;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tuning;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.backend.cpu.CpuOptions;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.BackendSettings;
import org.jresnet.engine.Backends;
import org.jresnet.nativebindings.cuda.CudaLibraries;

/** Opens backends for tests; what this machine lacks is skipped with its reason. */
public final class TestBackends {
  private TestBackends() {}

  /** The backend of that name, unless the run is for another one alone. */
  public static Backend open(String name) {
    String only = System.getProperty("jresnet.test.backend", name);
    assumeTrue(
        only.equals(name) || name.equals("reference"), () -> "this run tests " + only + " alone");
    if (name.equals("gpu")) {
      Support support = GpuBackend.usable(gpu());
      assumeTrue(
          support instanceof Support.Yes, () -> "no GPU: " + ((Support.No) support).reason());
      return Backends.open(BackendKind.GPU, new BackendSettings(CpuOptions.defaults(), gpu()));
    }
    String kernel = System.getProperty("jresnet.test.kernel");
    return name.equals("cpu") && kernel != null ? new Forced(kernel) : Backends.open(name);
  }

  /** The CPU with one kernel of our own wherever it can compute, however small the work. */
  public static Backend forced(String kernel) {
    Backend forced = new Forced(kernel);
    assumeTrue(
        !forced.description().contains("no own kernels"),
        () -> "the Vector API is missing: " + forced.description());
    return forced;
  }

  private static final class Forced extends ForwardingBackend {
    private final CpuBackend cpu;
    private final String kernel;

    Forced(String kernel) {
      this(new CpuBackend(), kernel);
    }

    private Forced(CpuBackend cpu, String kernel) {
      super(cpu);
      this.cpu = cpu;
      this.kernel = kernel;
    }

    @Override
    public OpPlan plan(OpSpec spec) {
      return cpu.plan(spec, kernel);
    }

    @Override
    public void close() {
      cpu.close();
    }
  }

  /** The backend of that name; a GPU is sent its steps like that. */
  public static Backend open(String name, CudnnOptions.Launch launch) {
    return open(name, launch, Tuning.OFF);
  }

  /** The same with NVIDIA's libraries of that folder. */
  public static CudnnOptions gpu(Path libraries) {
    CudnnOptions o = gpu();
    return new CudnnOptions(
        o.device(),
        Optional.of(libraries.toString()),
        o.workspaceBytes(),
        o.tuning(),
        o.results(),
        o.launch(),
        o.streams(),
        o.fusion(),
        o.cache());
  }

  /** The same with another way of choosing engines. */
  public static Backend open(String name, CudnnOptions.Launch launch, Tuning tuning) {
    open(name).close();
    if (!name.equals("gpu")) {
      return open(name);
    }
    CudnnOptions o = gpu(tuning);
    CudnnOptions gpu =
        new CudnnOptions(
            o.device(),
            o.libraries(),
            o.workspaceBytes(),
            tuning,
            o.results(),
            launch,
            o.streams(),
            o.fusion(),
            o.cache());
    return Backends.open(BackendKind.GPU, new BackendSettings(CpuOptions.defaults(), gpu));
  }

  /** The GPU of that number, with options of {@link #gpu()} but for those. */
  public static Backend gpu(int device, CudnnOptions.Launch launch, int streams) {
    CudnnOptions o = gpu();
    CudnnOptions options =
        new CudnnOptions(
            device,
            o.libraries(),
            o.workspaceBytes(),
            o.tuning(),
            o.results(),
            launch,
            streams,
            o.fusion(),
            o.cache());
    return Backends.open(BackendKind.GPU, new BackendSettings(CpuOptions.defaults(), options));
  }

  /** Options for the GPU, with the libraries that the build was told of. */
  public static CudnnOptions gpu() {
    return gpu(Tuning.OFF);
  }

  /** The same with another way of choosing engines. */
  public static CudnnOptions gpu(Tuning tuning) {
    CudnnOptions defaults = CudnnOptions.defaults();
    return new CudnnOptions(
        0,
        libraries().or(defaults::libraries),
        CudnnOptions.WORKSPACE,
        tuning,
        CudnnOptions.Results.DETERMINISTIC,
        CudnnOptions.Launch.GRAPH,
        1,
        CudnnOptions.Fusion.AUTO,
        Path.of(System.getProperty("java.io.tmpdir"), "jresnet-test-cache"));
  }

  private static Optional<String> libraries() {
    if (Boolean.getBoolean("jresnet.test.simulated")) {
      return Optional.of(SimulatedGpu.folder().toString());
    }
    return Optional.ofNullable(System.getProperty("jresnet.cuda.libs")).filter(s -> !s.isBlank());
  }

  /** Skips the test where cuDNN's libraries are missing; a GPU is not needed. */
  public static void assumeCudnn() {
    Optional<String> problem = CudaLibraries.find(gpu().libraries(), System.getenv()).problem();
    assumeTrue(
        problem.isEmpty(),
        () ->
            "no cuDNN: "
                + problem.orElseThrow()
                + ". tools/cuda-libs fetches it; then mvn verify -Dcuda.libs=...");
  }

  /** The environment of a machine without CUDA. */
  public static Map<String, String> emptyEnvironment() {
    return Map.of("HOME", "/nonexistent");
  }
}
