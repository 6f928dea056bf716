package org.jresnet.nativebindings.cuda;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.jresnet.nativebindings.cuda.CudaException.Kind;

/** CUDA source compiled by NVRTC to machine code of one GPU architecture. */
public final class KernelProgram {
  private KernelProgram() {}

  /**
   * Machine code and what the compiler said.
   *
   * @param cubin ELF image for {@link KernelModule}
   * @param log registers and spills of each kernel
   */
  public record Compiled(byte[] cubin, String log) {
    private static final Pattern KERNEL = Pattern.compile("Compiling entry function '(\\w+)'");
    private static final Pattern SPILLS =
        Pattern.compile("(\\d+) bytes spill stores, (\\d+) bytes spill loads");
    private static final Pattern USED = Pattern.compile("Used (\\d+) registers");
    private static final Pattern SHARED = Pattern.compile("(\\d+) bytes smem");

    /** What the log says of each kernel. */
    public Map<String, Resources> resources() {
      Map<String, Resources> resources = new TreeMap<>();
      String kernel = "";
      int spilled = 0;
      for (String line : log.lines().toList()) {
        Matcher name = KERNEL.matcher(line);
        Matcher spills = SPILLS.matcher(line);
        Matcher used = USED.matcher(line);
        Matcher shared = SHARED.matcher(line);
        if (name.find()) {
          kernel = name.group(1);
        } else if (spills.find()) {
          spilled = Integer.parseInt(spills.group(1)) + Integer.parseInt(spills.group(2));
        } else if (used.find()) {
          int bytes = shared.find() ? Integer.parseInt(shared.group(1)) : 0;
          resources.put(kernel, new Resources(Integer.parseInt(used.group(1)), bytes, spilled));
        }
      }
      return resources;
    }
  }

  /**
   * What a kernel takes of an SM.
   *
   * @param registers of a thread
   * @param sharedBytes of shared memory of a block
   * @param spilledBytes that a thread stores and loads because it has too few registers
   */
  public record Resources(int registers, int sharedBytes, int spilledBytes) {}

  /** Version of the loaded compiler, as {@code 13.0}. */
  public static String version() {
    int[] major = new int[1];
    int[] minor = new int[1];
    Check.compiler(nvrtc.nvrtcVersion(major, minor), "asking NVRTC's version");
    return major[0] + "." + minor[0];
  }

  /**
   * Compiles.
   *
   * @param name of the source, for messages
   * @param headers that it may include, by name
   * @param architecture compute capability times ten: 90 for 9.0
   * @throws CudaException with the compiler's messages
   */
  public static Compiled compile(
      String name, String source, Map<String, String> headers, int architecture) {
    List<String> options =
        List.of(
            "--gpu-architecture=sm_" + architecture,
            "--std=c++17",
            "--extra-device-vectorization",
            "--fmad=true",
            "-Xptxas=-v");
    _nvrtcProgram program = new _nvrtcProgram();
    try (BytePointer text = new BytePointer(source);
        BytePointer file = new BytePointer(name);
        PointerPointer<BytePointer> names = pointers(headers.keySet());
        PointerPointer<BytePointer> texts = pointers(headers.values())) {
      Check.compiler(
          nvrtc.nvrtcCreateProgram(program, text, file, headers.size(), texts, names),
          "giving " + name + " to NVRTC");
      try (PointerPointer<BytePointer> array = pointers(options)) {
        int status = nvrtc.nvrtcCompileProgram(program, options.size(), array);
        String log = log(program);
        if (status != nvrtc.NVRTC_SUCCESS) {
          throw new CudaException(
              Kind.FAILED,
              "compiling "
                  + name
                  + " for sm_"
                  + architecture
                  + ": "
                  + nvrtc.nvrtcGetErrorString(status).getString()
                  + "\n"
                  + log);
        }
        return new Compiled(cubin(program), log);
      } finally {
        nvrtc.nvrtcDestroyProgram(program);
      }
    }
  }

  private static PointerPointer<BytePointer> pointers(Collection<String> texts) {
    return new PointerPointer<>(texts.toArray(String[]::new));
  }

  private static String log(_nvrtcProgram program) {
    try (SizeTPointer size = new SizeTPointer(1)) {
      Check.compiler(nvrtc.nvrtcGetProgramLogSize(program, size), "reading NVRTC's log");
      try (BytePointer text = new BytePointer(size.get())) {
        Check.compiler(nvrtc.nvrtcGetProgramLog(program, text), "reading NVRTC's log");
        return text.getString().replace("\0", "").strip();
      }
    }
  }

  private static byte[] cubin(_nvrtcProgram program) {
    try (SizeTPointer size = new SizeTPointer(1)) {
      Check.compiler(nvrtc.nvrtcGetCUBINSize(program, size), "reading the machine code");
      byte[] cubin = new byte[Math.toIntExact(size.get())];
      try (BytePointer image = new BytePointer(cubin.length)) {
        Check.compiler(nvrtc.nvrtcGetCUBIN(program, image), "reading the machine code");
        image.get(cubin);
      }
      return cubin;
    }
  }
}
