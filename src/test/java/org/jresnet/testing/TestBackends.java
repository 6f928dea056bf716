package org.jresnet.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tuning;
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
    return Backends.open(name);
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
