package org.jresnet.backend.gpu;

import java.nio.file.Path;
import java.util.Optional;
import org.jresnet.backend.Tuning;
import org.jresnet.base.CacheFolder;
import org.jresnet.base.Named;

/**
 * How the GPU is used.
 *
 * @param device index of the GPU
 * @param libraries folders of NVIDIA's libraries, separated by colons; empty to search
 * @param workspaceBytes most scratch memory that an engine may want
 * @param tuning how engines are chosen: one that is ready at once, the best guess of cuDNN, or the
 *     fastest of its best guesses
 * @param results whether two runs must give the same bits
 * @param launch how a step is sent to the device
 * @param streams queues of the device that a step is divided among: 1, or 2 with gradients of
 *     weights beside the rest
 * @param fusion what is computed together in training
 * @param cache folder of compiled kernels and measured choices
 */
public record CudnnOptions(
    int device,
    Optional<String> libraries,
    long workspaceBytes,
    Tuning tuning,
    Results results,
    Launch launch,
    int streams,
    Fusion fusion,
    Path cache) {
  /** What is computed together in training, each more than the one before. */
  public enum Fusion implements Named {
    /** What was measured to be the fastest; nothing was so far, so it is C. */
    AUTO,
    /** Each convolution alone, each norm with addition and ReLU. */
    C,
    /** The same, but convolutions sum the statistics of the norms behind them as they write. */
    G,
    /**
     * The same, and a norm whose ReLU goes to a convolution alone is computed by that convolution
     * as it reads, in both directions; in fp16.
     */
    M
  }

  /** Checks the number of streams. */
  public CudnnOptions {
    if (streams < 1 || streams > 2) {
      throw new IllegalArgumentException("a step has 1 or 2 streams, found " + streams);
    }
  }

  /** Enough for every engine that cuDNN prefers in a ResNet-50 at batch 256. */
  public static final long WORKSPACE = 256L << 20;

  /** Whether two runs must give the same bits. */
  public enum Results {
    /** They may differ in the last bits. */
    ANY_ORDER,
    /** The same bits; engines that sum in changing order are left out. */
    DETERMINISTIC
  }

  /** How a step is sent to the device. */
  public enum Launch {
    /** As one recorded CUDA graph. */
    GRAPH,
    /** Call by call, which profilers show better. */
    CALLS
  }

  /** The same on another GPU. */
  public CudnnOptions withDevice(int index) {
    return new CudnnOptions(
        index, libraries, workspaceBytes, tuning, results, launch, streams, fusion, cache);
  }

  /** The defaults: the first GPU, searched libraries, cuDNN's best guesses, CUDA graphs. */
  public static CudnnOptions defaults() {
    return new CudnnOptions(
        0,
        Optional.ofNullable(System.getenv("JRESNET_CUDA_LIBS")).filter(s -> !s.isBlank()),
        WORKSPACE,
        Tuning.HEURISTIC,
        Results.ANY_ORDER,
        Launch.GRAPH,
        1,
        Fusion.AUTO,
        CacheFolder.of(System.getenv()).resolve("jresnet"));
  }
}
