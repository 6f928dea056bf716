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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Our CUDA kernels: their source, and machine code that is compiled once per kind of GPU. */
public final class Kernels {
  private static final Logger LOG = LoggerFactory.getLogger(Kernels.class);
  private static final String NAME = "kernels.cu";

  /** What it includes. */
  private static final List<String> HEADERS = List.of("common.h", "norm.h");

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
    String key =
        "sm_" + architecture + "\n" + KernelProgram.version() + "\n" + source(NAME) + headers();
    Path file = cache.resolve("kernels-" + hash(key) + ".cubin");
    if (Files.exists(file)) {
      try {
        return new KernelModule(Files.readAllBytes(file));
      } catch (IOException | CudaException e) {
        LOG.warn(
            "The compiled kernels {} cannot be used: {}; compiling anew", file, e.getMessage());
      }
    }
    byte[] code = compile(architecture).cubin();
    try {
      CacheFile.replace(file, code);
    } catch (IOException e) {
      LOG.warn("The compiled kernels cannot be kept in {}: {}", file, e.getMessage());
    }
    return new KernelModule(code);
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
