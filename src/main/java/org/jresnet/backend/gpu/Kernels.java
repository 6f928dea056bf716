package org.jresnet.backend.gpu;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.KernelModule;
import org.jresnet.nativebindings.cuda.KernelProgram;
import org.jresnet.nativebindings.cuda.KernelProgram.Resources;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Our CUDA kernels: their source, and machine code that is compiled once per kind of GPU. */
public final class Kernels {
  private static final Logger LOG = LoggerFactory.getLogger(Kernels.class);
  private static final String NAME = "kernels.cu";

  /** What it includes. */
  private static final List<String> HEADERS =
      List.of("common.h", "activation.h", "norm.h", "bytes.h");

  private Kernels() {}

  private static String source(String name) {
    String resource = "/org/jresnet/nativebindings/cuda/" + name;
    try (InputStream in = Kernels.class.getResourceAsStream(resource)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, String> headers() {
    Map<String, String> headers = new LinkedHashMap<>();
    HEADERS.forEach(name -> headers.put(name, source(name)));
    return headers;
  }

  /** Compiles for an architecture, as 90 for 9.0. */
  public static KernelProgram.Compiled compile(int architecture) {
    return KernelProgram.compile(NAME, source(NAME), headers(), architecture);
  }

  /** The kernels on the current GPU: from the cache, or compiled and put there. */
  static KernelModule load(int architecture, Path cache) {
    Path file = file(architecture, cache, "cubin");
    if (Files.exists(file)) {
      try {
        return new KernelModule(Files.readAllBytes(file));
      } catch (IOException | CudaException e) {
        LOG.warn(
            "The compiled kernels {} cannot be used: {}; compiling anew", file, e.getMessage());
      }
    }
    return new KernelModule(make(architecture, cache).cubin());
  }

  /** What each kernel takes of an SM: from the cache, or compiled and put there. */
  static Map<String, Resources> resources(int architecture, Path cache) {
    Path file = file(architecture, cache, "log");
    if (Files.exists(file)) {
      try {
        return new KernelProgram.Compiled(new byte[0], Files.readString(file)).resources();
      } catch (IOException e) {
        LOG.warn("The compiler's log {} cannot be read: {}", file, e.getMessage());
      }
    }
    return make(architecture, cache).resources();
  }

  private static Path file(int architecture, Path cache, String ending) {
    String key =
        "sm_" + architecture + "\n" + KernelProgram.version() + "\n" + source(NAME) + headers();
    return cache.resolve("kernels-" + hash(key) + "." + ending);
  }

  private static KernelProgram.Compiled make(int architecture, Path cache) {
    KernelProgram.Compiled compiled = compile(architecture);
    Path file = file(architecture, cache, "cubin");
    try {
      CacheFile.replace(file, compiled.cubin());
      CacheFile.replace(
          file(architecture, cache, "log"), compiled.log().getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      LOG.warn("The compiled kernels cannot be kept in {}: {}", file, e.getMessage());
    }
    return compiled;
  }

  private static String hash(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 12);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
