package org.jresnet.backend.gpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The text of kernels.cu compiled as C++ for this machine. */
final class HostKernels {
  private static final Path FOLDER = Path.of("target", "host-kernels");

  /** A few, so that sums over a block take several turns. */
  private static final int THREADS = 4;

  private static boolean loaded;

  private HostKernels() {}

  private static native int run(String name, int blocks, int threads, long[] arguments);

  /** Runs a kernel; arguments are the bits that the device would get. */
  static void launch(String name, int blocks, long[] arguments) {
    int result = run(name, blocks, THREADS, arguments);
    if (result == 1) {
      throw new AssertionError(
          name + " takes another number of arguments than " + arguments.length);
    } else if (result != 0) {
      throw new AssertionError("there is no kernel " + name);
    }
  }

  /** Compiles and loads, once; skips the test where there is no C++ compiler or no jni.h. */
  static synchronized void assumeCompiled() throws IOException, InterruptedException {
    if (loaded) {
      return;
    }
    Path include = Path.of(System.getProperty("java.home"), "include");
    assumeTrue(
        Files.exists(include.resolve("jni.h")),
        () -> "no jni.h in " + include + ": the kernels' arithmetic is not checked on the CPU");
    Files.createDirectories(FOLDER);
    Path library = FOLDER.resolve("librun_kernels.so");
    Process compiler;
    try {
      compiler =
          new ProcessBuilder(
                  List.of(
                      "g++",
                      "-std=c++17",
                      "-O1",
                      "-Wall",
                      "-Werror",
                      "-shared",
                      "-fPIC",
                      "-I",
                      "native-bindings/cuda",
                      "-I",
                      include.toString(),
                      "-I",
                      include.resolve("linux").toString(),
                      "src/test/cuda/run_kernels.cpp",
                      "-o",
                      library.toString()))
              .redirectErrorStream(true)
              .start();
    } catch (IOException e) {
      assumeTrue(false, "no g++: the kernels' arithmetic is not checked on the CPU");
      return;
    }
    String output;
    try (Stream<String> lines = compiler.inputReader().lines()) {
      output = String.join("\n", lines.toList());
    }
    if (compiler.waitFor() != 0) {
      throw new AssertionError("kernels.cu does not compile as C++:\n" + output);
    }
    System.load(library.toAbsolutePath().toString());
    loaded = true;
  }
}
