package org.jresnet.nativebindings.cuda;

import static java.util.stream.Collectors.joining;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.nativebindings.NativeCache;

/**
 * Finds NVIDIA's libraries and loads them by path, so that neither {@code LD_LIBRARY_PATH} nor the
 * order of search paths decides what runs. Uses no class of the presets until {@link #load}.
 *
 * <p>Without an explicit path these places are searched, in this order: {@code LD_LIBRARY_PATH},
 * {@code CUDA_HOME}, the system's folders, and NVIDIA's pip wheels in the usual site-packages.
 * Where there is a driver and something else is still missing, {@code python3} is asked where its
 * packages are: an environment that is not activated has its folder in no variable. All parts of
 * cuDNN are taken from one folder.
 */
public final class CudaLibraries {
  /** The driver, which comes with the GPU and not with CUDA. */
  public static final String DRIVER = "libcuda.so.1";

  /** Adds up values between GPUs; only several ranks need it. */
  public static final String NCCL = "libnccl.so.2";

  /** Decodes JPEG files; only who asks for it needs it. */
  public static final String NVJPEG = "libnvjpeg.so.13";

  private static final String CUDNN_GRAPH = "libcudnn_graph.so.9";
  private static final List<String> TOOLKIT =
      List.of("libcudart.so.13", "libnvrtc.so.13", "libcublasLt.so.13", "libcublas.so.13");
  private static final List<String> CUDNN =
      List.of(
          CUDNN_GRAPH,
          "libcudnn_ops.so.9",
          "libcudnn_cnn.so.9",
          "libcudnn_adv.so.9",
          "libcudnn_heuristic.so.9",
          "libcudnn_engines_precompiled.so.9",
          "libcudnn_engines_runtime_compiled.so.9",
          "libcudnn.so.9");
  private static final int PYTHON_SECONDS = 10;
  private static final List<String> BELOW_A_PREFIX =
      List.of(
          "",
          "lib",
          "lib64",
          "targets/x86_64-linux/lib",
          "nvidia/cudnn/lib",
          "nvidia/cu13/lib",
          "nvidia/nccl/lib");

  private final Map<String, Optional<Path>> found = new LinkedHashMap<>();
  private final List<Path> folders;
  private final List<Path> otherCudnn = new ArrayList<>();

  private CudaLibraries(List<Path> folders, List<Path> driverFolders) {
    this.folders = folders;
    found.put(DRIVER, first(driverFolders, DRIVER));
    TOOLKIT.forEach(name -> found.put(name, first(folders, name)));
    Optional<Path> graph = first(folders, CUDNN_GRAPH);
    for (String name : CUDNN) {
      found.put(name, graph.map(g -> g.resolveSibling(name)).filter(Files::exists));
    }
    for (Path folder : folders) {
      Path other = folder.resolve(CUDNN_GRAPH);
      if (graph.isPresent() && Files.exists(other) && size(other) != size(graph.get())) {
        otherCudnn.add(folder);
      }
    }
  }

  /**
   * Searches.
   *
   * @param explicit folders separated by colons, or prefixes such as a site-packages; then nothing
   *     else is searched except for the driver
   * @param environment such as {@code System.getenv()}
   */
  public static CudaLibraries find(Optional<String> explicit, Map<String, String> environment) {
    Set<Path> system = new LinkedHashSet<>(systemFolders());
    Set<Path> folders = new LinkedHashSet<>();
    if (explicit.isPresent()) {
      split(explicit.get()).forEach(path -> addPrefix(folders, path));
    } else {
      folders.addAll(split(environment.getOrDefault("LD_LIBRARY_PATH", "")));
      for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
        split(environment.getOrDefault(variable, "")).forEach(path -> addPrefix(folders, path));
      }
      folders.addAll(system);
      folders.addAll(wheels(environment));
    }
    Set<Path> driver = new LinkedHashSet<>(folders);
    driver.addAll(split(environment.getOrDefault("LD_LIBRARY_PATH", "")));
    driver.addAll(system);
    CudaLibraries libraries = new CudaLibraries(List.copyOf(folders), List.copyOf(driver));
    List<String> missing = libraries.missing();
    if (explicit.isPresent() || missing.isEmpty() || missing.contains(DRIVER)) {
      return libraries;
    }
    List<Path> packages = sitePackages(environment);
    packages.forEach(path -> addPrefix(folders, path));
    return packages.isEmpty()
        ? libraries
        : new CudaLibraries(List.copyOf(folders), List.copyOf(driver));
  }

  /** Where the {@code python3} of {@code PATH} has its packages; nowhere, if it does not say. */
  private static List<Path> sitePackages(Map<String, String> environment) {
    Optional<Path> python =
        split(environment.getOrDefault("PATH", "")).stream()
            .map(folder -> folder.resolve("python3"))
            .filter(Files::isExecutable)
            .findFirst();
    if (python.isEmpty()) {
      return List.of();
    }
    String script = "import sys; print('\\n'.join(p for p in sys.path if p.endswith('-packages')))";
    try {
      Process process =
          new ProcessBuilder(python.get().toString(), "-c", script)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (!process.waitFor(PYTHON_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return List.of();
      }
      try (BufferedReader lines = process.inputReader()) {
        return lines.lines().filter(line -> line.startsWith("/")).map(Path::of).toList();
      }
    } catch (IOException e) {
      // A python3 that does not start has no packages.
      return List.of();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return List.of();
    }
  }

  private static List<Path> split(String paths) {
    return Stream.of(paths.split(":")).filter(p -> !p.isBlank()).map(Path::of).toList();
  }

  private static void addPrefix(Set<Path> folders, Path prefix) {
    BELOW_A_PREFIX.forEach(below -> folders.add(prefix.resolve(below).normalize()));
  }

  private static List<Path> systemFolders() {
    List<Path> folders = new ArrayList<>();
    for (String configured : List.of("/etc/ld.so.conf.d")) {
      for (Path file : list(Path.of(configured), "*.conf")) {
        try {
          Files.readAllLines(file).stream()
              .filter(line -> line.startsWith("/"))
              .forEach(line -> folders.add(Path.of(line.strip())));
        } catch (IOException e) {
          // An unreadable list of folders is as good as none: the others are searched.
          continue;
        }
      }
    }
    for (String usual :
        List.of(
            "/usr/local/cuda/lib64",
            "/usr/local/cuda/targets/x86_64-linux/lib",
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib64",
            "/usr/lib",
            "/usr/local/lib",
            "/usr/local/nvidia/lib64",
            "/usr/lib/wsl/lib")) {
      folders.add(Path.of(usual));
    }
    return folders;
  }

  private static List<Path> wheels(Map<String, String> environment) {
    List<Path> prefixes = new ArrayList<>();
    for (String variable : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
      prefixes.addAll(split(environment.getOrDefault(variable, "")));
    }
    if (environment.containsKey("HOME")) {
      prefixes.add(Path.of(environment.get("HOME"), ".local"));
    }
    prefixes.add(Path.of("/usr/local"));
    prefixes.add(Path.of("/usr"));
    List<Path> folders = new ArrayList<>();
    for (Path prefix : prefixes) {
      for (Path python : list(prefix.resolve("lib"), "python3*")) {
        for (String packages : List.of("site-packages", "dist-packages")) {
          for (Path wheel : list(python.resolve(packages).resolve("nvidia"), "*")) {
            folders.add(wheel.resolve("lib"));
          }
        }
      }
    }
    return folders;
  }

  private static List<Path> list(Path folder, String glob) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (var entries = Files.newDirectoryStream(folder, glob)) {
      List<Path> paths = new ArrayList<>();
      entries.forEach(paths::add);
      paths.sort(null);
      return paths;
    } catch (IOException e) {
      // A folder that may not be read holds nothing for this user.
      return List.of();
    }
  }

  private static Optional<Path> first(List<Path> folders, String name) {
    return folders.stream().map(f -> f.resolve(name)).filter(Files::exists).findFirst();
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Each library that is needed, by name, and where it was found. */
  public Map<String, Optional<Path>> found() {
    return Map.copyOf(found);
  }

  /** The names in the order in which they are loaded. */
  public List<String> names() {
    return List.copyOf(found.keySet());
  }

  /** The names of those that were not found. */
  public List<String> missing() {
    return found.entrySet().stream()
        .filter(e -> e.getValue().isEmpty())
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Why they cannot be loaded, and what to do about it; empty if all are there. */
  public Optional<String> problem() {
    List<String> missing = missing();
    List<String> sentences = new ArrayList<>();
    if (missing.contains(DRIVER)) {
      sentences.add(
          "there is no NVIDIA driver ("
              + DRIVER
              + "): this machine has no NVIDIA GPU, or its driver is not installed (580 or newer)");
    }
    List<String> libraries = missing.stream().filter(name -> !name.equals(DRIVER)).toList();
    if (!libraries.isEmpty()) {
      sentences.add(
          "missing: "
              + String.join(", ", libraries)
              + "; install CUDA 13 and cuDNN 9, for example with pip install nvidia-cudnn-cu13"
              + " nvidia-cublas nvidia-cuda-nvrtc nvidia-cuda-runtime, or say where they are with"
              + " --cuda-libs or JRESNET_CUDA_LIBS");
    }
    if (!otherCudnn.isEmpty()) {
      sentences.add(
          "two versions of cuDNN are on the path, in "
              + found.get(CUDNN_GRAPH).orElseThrow().getParent()
              + " and in "
              + otherCudnn.get(0)
              + "; say which one with --cuda-libs or JRESNET_CUDA_LIBS");
    }
    return sentences.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", sentences));
  }

  /** Where a library was found that {@link #load} does without, such as {@link #NCCL}. */
  public Optional<Path> further(String name) {
    return first(folders, name);
  }

  /**
   * Loads NCCL, after {@link #load}; afterwards {@link Nccl} can be used.
   *
   * @throws UserError if there is none
   * @throws UnsatisfiedLinkError if it does not load
   */
  public void loadNccl() {
    load(
        NCCL,
        "NCCL (" + NCCL + "), by which the GPUs of several ranks add up gradients,",
        "pip install nvidia-nccl-cu13",
        "With --exchange mpi gradients pass through the hosts instead");
  }

  /**
   * Loads nvJPEG, after {@link #load}; afterwards {@link NvJpeg} can be used.
   *
   * @throws UserError if there is none
   * @throws UnsatisfiedLinkError if it does not load
   */
  public void loadNvJpeg() {
    load(
        NVJPEG,
        "nvJPEG (" + NVJPEG + ", of CUDA 13), which --jpeg-decoder asks for,",
        "pip install 'nvidia-nvjpeg>=13,<14'",
        "Without --jpeg-decoder the CPU decodes");
  }

  private void load(String name, String what, String install, String otherwise) {
    Path library =
        further(name)
            .orElseThrow(
                () ->
                    new UserError(
                        Text.format(
                            "%s was not found; searched: %s. Install it, for example with %s, or"
                                + " say where it is with --cuda-libs or JRESNET_CUDA_LIBS. %s",
                            what,
                            searched().stream().map(Path::toString).collect(joining(":")),
                            install,
                            otherwise)));
    System.load(library.toAbsolutePath().toString());
  }

  /** The folders that were searched, in order. */
  public List<Path> searched() {
    return folders;
  }

  /**
   * Loads them all; afterwards the other classes of this package can be used.
   *
   * @throws UnsatisfiedLinkError if one does not load
   * @throws IllegalStateException if there is a {@link #problem}
   */
  public void load() {
    problem()
        .ifPresent(
            text -> {
              throw new IllegalStateException(text);
            });
    NativeCache.prepare();
    found.values().forEach(path -> System.load(path.orElseThrow().toAbsolutePath().toString()));
    // What NVRTC, and newer versions of cuDNN, would otherwise look for by themselves.
    loadFurther(found.get("libnvrtc.so.13").orElseThrow(), "libnvrtc-builtins.so.*");
    loadFurther(found.get(CUDNN_GRAPH).orElseThrow(), "libcudnn_*.so.9");
  }

  private void loadFurther(Path beside, String glob) {
    for (Path part : list(beside.getParent(), glob)) {
      if (!found.containsKey(part.getFileName().toString())) {
        System.load(part.toAbsolutePath().toString());
      }
    }
  }
}
