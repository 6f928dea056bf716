package org.jresnet.backend.gpu;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jresnet.base.UserError;
import org.jresnet.nativebindings.cuda.BlasLt;
import org.jresnet.nativebindings.cuda.CudaDevice;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.CudaLibraries;
import org.jresnet.nativebindings.cuda.CudnnHandle;
import org.jresnet.nativebindings.cuda.KernelProgram;
import org.jresnet.nativebindings.cuda.Nccl;
import org.jresnet.nativebindings.cuda.NvJpeg;

/** What {@code doctor} says about NVIDIA's libraries and GPUs, as far as they are there. */
public final class GpuReport {
  private GpuReport() {}

  /** Findings by name, in the order in which they are asked for. */
  public static Map<String, Object> collect(CudnnOptions options) {
    Map<String, Object> findings = new LinkedHashMap<>();
    CudaLibraries libraries = CudaLibraries.find(options.libraries(), System.getenv());
    for (String name : libraries.names()) {
      findings.put(
          name,
          libraries.found().get(name).map(path -> (Object) path.toString()).orElse("missing"));
    }
    findings.put(
        CudaLibraries.NCCL,
        found(libraries, CudaLibraries.NCCL, "several ranks with GPUs need it"));
    findings.put(
        CudaLibraries.NVJPEG, found(libraries, CudaLibraries.NVJPEG, "--jpeg-decoder needs it"));
    Optional<String> problem = libraries.problem();
    if (problem.isPresent()) {
      findings.put("gpu", "none usable: " + problem.get());
      findings.put(
          "gpu_searched",
          libraries.searched().stream().map(Object::toString).collect(Collectors.joining(":")));
      return findings;
    }
    try {
      libraries.load();
      findings.put("cuda_runtime", version(CudaDevice.runtimeVersion()));
      findings.put("cudnn", CudnnHandle.version());
      findings.put("cublaslt", BlasLt.version());
      findings.put("nvrtc", KernelProgram.version());
      libraries
          .further(CudaLibraries.NCCL)
          .ifPresent(
              path ->
                  findings.put(
                      "nccl", version(libraries::loadNccl, () -> NcclLink.text(Nccl.version()))));
      libraries
          .further(CudaLibraries.NVJPEG)
          .ifPresent(
              path -> findings.put("nvjpeg", version(libraries::loadNvJpeg, NvJpeg::version)));
      CudnnHandle.checkVersions();
      findings.put("cuda_driver", version(CudaDevice.driverVersion()));
      Prerequisites.requireDevice(options.device());
      int count = CudaDevice.count();
      for (int i = 0; i < count; i++) {
        CudaDevice.Info info = CudaDevice.info(i);
        findings.put(
            "gpu_" + i,
            String.format(
                java.util.Locale.ROOT,
                "%s, compute capability %d.%d, %d MB",
                info.name(),
                info.architecture() / 10,
                info.architecture() % 10,
                info.memoryBytes() >> 20));
        findings.put("gpu_" + i + "_properties", info.properties());
      }
      findings.put("gpu", "usable");
    } catch (LinkageError | CudaException | UserError e) {
      findings.put("gpu", "none usable: " + e.getMessage());
    }
    return findings;
  }

  private static String found(CudaLibraries libraries, String name, String use) {
    return libraries.further(name).map(Path::toString).orElse("missing; " + use);
  }

  /** The version of a library that not everybody needs. */
  private static String version(Runnable load, Supplier<String> version) {
    try {
      load.run();
      return version.get();
    } catch (LinkageError | CudaException e) {
      return "does not work: " + e.getMessage();
    }
  }

  private static String version(int number) {
    return number == 0 ? "none" : number / 1000 + "." + number % 1000 / 10;
  }
}
