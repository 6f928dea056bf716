package org.jresnet.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.cuda.global.cudart;
import org.jresnet.nativebindings.cuda.CudaLibraries;

/**
 * Libraries in the place of CUDA, cuDNN, NCCL and nvJPEG that simulate GPUs on the CPU, built from
 * {@code src/test/cuda/simulated}. {@code --cuda-libs target/simulated-gpu} runs any command on it.
 */
public final class SimulatedGpu {
  private static final Path SOURCES = Path.of("src", "test", "cuda", "simulated");
  private static final Path KERNELS = Path.of("native-bindings", "cuda");
  private static final Path FOLDER = Path.of("target", "simulated-gpu");
  private static final Path CORE = FOLDER.resolve("libsimulated.so");
  private static final Pattern CONSTANT =
      Pattern.compile("public static final int ((?:CU|cu|NVRTC_|NVJPEG_|nccl)\\w+) = (-?\\d+);");

  private static int devices = 1;

  private SimulatedGpu() {}

  /** Builds it if need be, and returns the folder; skips the test where there is no compiler. */
  public static synchronized Path folder() {
    try {
      if (!fresh()) {
        build();
      }
      return FOLDER.toAbsolutePath();
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException("the simulated GPU cannot be built", e);
    }
  }

  /**
   * Says how many GPUs this process has from here on; skips the test where none are simulated.
   * Libraries must have been loaded.
   */
  public static void devices(int count) {
    if (count != devices) {
      assumeTrue(
          Boolean.getBoolean("jresnet.test.simulated"), "only simulated GPUs can be several");
      ask(1_000_003, count);
      devices = count;
    }
  }

  /** What only a simulated GPU knows or does, see its cudaDeviceGetAttribute. */
  public static int ask(int notOfCuda, int number) {
    if (!Boolean.getBoolean("jresnet.test.simulated")) {
      // A true GPU would keep the error, and cuDNN might take it for one of its own calls.
      return 0;
    }
    int[] value = new int[1];
    cudart.cudaDeviceGetAttribute(value, notOfCuda, number);
    return value[0];
  }

  /** Whether it stands and no source is newer. */
  private static boolean fresh() throws IOException {
    if (!Files.exists(CORE)) {
      return false;
    }
    FileTime built = Files.getLastModifiedTime(CORE);
    for (Path folder : List.of(SOURCES, SOURCES.getParent(), KERNELS)) {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          if (Files.getLastModifiedTime(file).compareTo(built) > 0) {
            return false;
          }
        }
      }
    }
    return true;
  }

  private static void build() throws IOException, InterruptedException {
    Optional<ToolProvider> javap = ToolProvider.findFirst("javap");
    assumeTrue(javap.isPresent(), "no javap in this Java: no GPU is simulated");
    Files.createDirectories(FOLDER);
    Files.writeString(FOLDER.resolve("constants.h"), constants(javap.orElseThrow()));
    List<String> sources;
    try (Stream<Path> files = Files.list(SOURCES)) {
      sources = files.map(Path::toString).filter(f -> f.endsWith(".cpp")).sorted().toList();
    }
    Path unfinished = FOLDER.resolve("libsimulated.so.tmp");
    List<String> compile = new ArrayList<>(List.of("g++", "-std=c++17", "-O3", "-march=native"));
    compile.addAll(List.of("-fopenmp", "-Wall", "-Werror", "-shared", "-fPIC"));
    // g++ does not see that what is read for a residual is used only where there is one.
    compile.addAll(List.of("-Wno-maybe-uninitialized", "-Wl,-soname,libsimulated.so"));
    compile.addAll(List.of("-I", FOLDER.toString(), "-I", KERNELS.toString()));
    compile.addAll(sources);
    compile.addAll(List.of("-o", unfinished.toString()));
    run(compile);
    List<String> names = new ArrayList<>(List.of(CudaLibraries.NCCL, CudaLibraries.NVJPEG));
    names.addAll(CudaLibraries.find(Optional.of(FOLDER.toString()), Map.of()).names());
    for (String name : names) {
      // Empty but for the name and the version that the bindings ask for; the core has the symbols.
      Path version = FOLDER.resolve(name + ".version");
      Files.writeString(version, name + " {};\n");
      run(
          List.of(
              "g++",
              "-shared",
              "-Wl,-soname," + name,
              "-Wl,--version-script," + version,
              "-Wl,--no-as-needed",
              "-Wl,-rpath,$ORIGIN",
              unfinished.toString(),
              "-o",
              FOLDER.resolve(name).toString()));
      Files.delete(version);
    }
    Files.move(unfinished, CORE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** The numbers behind the names in NVIDIA's headers, as the bindings have them. */
  private static String constants(ToolProvider javap) {
    List<String> jars =
        Stream.of(System.getProperty("java.class.path").split(":"))
            .filter(entry -> entry.contains("bytedeco") || entry.contains("cuda"))
            .toList();
    StringWriter text = new StringWriter();
    int code =
        javap.run(
            new PrintWriter(text),
            new PrintWriter(text),
            "-constants",
            "-public",
            "-classpath",
            String.join(":", jars),
            "org.bytedeco.cuda.global.cudart",
            "org.bytedeco.cuda.global.cudnn",
            "org.bytedeco.cuda.global.cublas",
            "org.bytedeco.cuda.global.nvrtc",
            "org.bytedeco.cuda.global.nccl",
            "org.bytedeco.cuda.global.nvjpeg");
    if (code != 0) {
      throw new IllegalStateException("javap: " + text);
    }
    return "#pragma once\n"
        + CONSTANT
            .matcher(text.toString())
            .results()
            .map(m -> "#define " + m.group(1) + " " + m.group(2) + "\n")
            .distinct()
            .collect(Collectors.joining());
  }

  private static void run(List<String> command) throws IOException, InterruptedException {
    Process process;
    try {
      process = new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException e) {
      assumeTrue(false, "no g++: no GPU is simulated");
      return;
    }
    String output;
    try (Stream<String> lines = process.inputReader().lines()) {
      output = String.join("\n", lines.toList());
    }
    if (process.waitFor() != 0) {
      throw new AssertionError(String.join(" ", command) + ":\n" + output);
    }
  }
}
