package org.jresnet.cli;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jresnet.backend.Tuning;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.backend.gpu.CudnnOptions.Fusion;
import org.jresnet.backend.gpu.CudnnOptions.Launch;
import org.jresnet.backend.gpu.CudnnOptions.Results;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.distributed.Neighbours;
import picocli.CommandLine.Option;

/** How the gpu backend uses the GPU. */
@Heading("NVIDIA GPU")
final class GpuOptions {
  private static final Pattern SIZE = Pattern.compile("(\\d{1,9})(B|KB|MB|GB)?");

  @Option(
      names = "--gpu",
      paramLabel = "N",
      description =
          "Index of the GPU for --backend gpu; default: 0, and among several ranks on a machine the"
              + " number of the rank.")
  @Within(min = 0, max = 1023)
  private Integer gpu;

  @Option(
      names = "--cuda-libs",
      paramLabel = "PATHS",
      description =
          "Folders of CUDA's and cuDNN's libraries, or site-packages with NVIDIA's wheels,"
              + " separated by colons; default: JRESNET_CUDA_LIBS, or the usual places.")
  private String libraries;

  @Option(
      names = "--workspace",
      defaultValue = "256MB",
      paramLabel = "SIZE",
      description = "Most scratch memory that one engine of cuDNN may want.")
  private String workspace;

  @Option(
      names = "--deterministic",
      description = "Only engines of cuDNN that give the same bits in every run.")
  private boolean deterministic;

  @Option(
      names = "--no-cuda-graph",
      description = "Send a step call by call instead of as one CUDA graph, for profilers.")
  private boolean calls;

  @Option(
      names = "--streams",
      defaultValue = "1",
      paramLabel = "N",
      description =
          "With 2, gradients of convolution weights are computed beside what follows; not yet"
              + " measured.")
  @Within(min = 1, max = 2)
  private int streams;

  @Option(
      names = "--fusion",
      defaultValue = "auto",
      paramLabel = "NAME",
      description =
          "What training computes together: C (norm, addition and ReLU), G (the same, and"
              + " convolutions sum the statistics of the norms behind them, in bf16 and fp16), M"
              + " (the same, and they compute norm and ReLU before them, in fp16), or auto, which"
              + " is C until a GPU has measured all.")
  private String fusion;

  /** As the backend takes them. */
  CudnnOptions options(Tuning tuning) {
    CudnnOptions defaults = CudnnOptions.defaults();
    return new CudnnOptions(
        gpu == null ? defaults.device() : gpu,
        libraries == null ? defaults.libraries() : Optional.of(libraries),
        bytes(workspace),
        tuning,
        deterministic ? Results.DETERMINISTIC : Results.ANY_ORDER,
        calls ? Launch.CALLS : Launch.GRAPH,
        streams,
        UsageError.unlessValid(() -> Named.of(Fusion.class, "--fusion", fusion)),
        defaults.cache());
  }

  /** The same for a rank among others of its machine. */
  CudnnOptions options(Tuning tuning, Neighbours neighbours) {
    CudnnOptions alone = options(tuning);
    return gpu != null || neighbours.ranks() == 1
        ? alone
        : GpuBackend.ofRank(alone, neighbours.number(), neighbours.ranks());
  }

  private static long bytes(String size) {
    Matcher matcher = SIZE.matcher(size.strip().toUpperCase(Locale.ROOT));
    if (!matcher.matches()) {
      throw new UsageError(Text.format("--workspace takes a size such as 256MB, found '%s'", size));
    }
    int shift =
        switch (matcher.group(2) == null ? "B" : matcher.group(2)) {
          case "KB" -> 10;
          case "MB" -> 20;
          case "GB" -> 30;
          default -> 0;
        };
    return Long.parseLong(matcher.group(1)) << shift;
  }
}
