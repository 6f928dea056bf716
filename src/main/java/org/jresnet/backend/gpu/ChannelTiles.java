package org.jresnet.backend.gpu;

import java.util.Map;
import org.jresnet.backend.Phase;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/**
 * How the kernels of {@code native-bindings/cuda/norm.h} lie over a tensor of {@code [pixels][c]}:
 * a thread takes eight channels (one, where eight do not divide them), a block a tile of channels
 * and a slice of the pixels, a launch all channels or as many as the L2 cache keeps until the
 * second pass.
 */
final class ChannelTiles {
  /** Most threads across a tile, and threads of a block; as in norm.h. */
  private static final int TILE = 32;

  private static final int BLOCK = 256;

  private static final int SUMMING = 3;

  /** Pixels that a thread should have at least, so that its sums are worth writing. */
  private static final int PIXELS = 4;

  /** A row of a launch's channels has whole lines of the cache. */
  private static final int LINE = 128;

  /** Blocks that an SM holds, by the bounds in norm.h. */
  private static final Map<String, Integer> BLOCKS =
      Map.of(
          "normPartials",
          SUMMING,
          "normSums",
          SUMMING,
          "normApply",
          3,
          "normAddApply",
          3,
          "normBackward",
          2);

  private final DeviceLimits limits;
  private final DType type;
  private final int c;
  private final int pixels;
  private final int vector;

  ChannelTiles(DeviceLimits limits, DType type, int c, long pixels) {
    this.limits = limits;
    this.type = type;
    this.c = c;
    this.pixels = Math.toIntExact(pixels);
    vector = c % 8 == 0 ? 8 : 1;
  }

  /** Channels of a thread. */
  int vector() {
    return vector;
  }

  /** Bytes of a mask: a bit per element where threads take eight channels, else a byte. */
  long maskBytes() {
    return (long) pixels * c / vector;
  }

  /** Bytes of scratch for two sums per channel of each slice. */
  long partialBytes() {
    int most = slices(SUMMING, c);
    for (int tensors = 1; tensors <= 2; tensors++) {
      for (Part part : parts(channels(tensors))) {
        most = Math.max(most, slices(SUMMING, part.count));
      }
    }
    return 8L * most * c;
  }

  private int tiles(int count) {
    return (count / vector + TILE - 1) / TILE;
  }

  /** Slices of the pixels: one wave of blocks, unless the pixels are few. */
  private int slices(int blocks, int count) {
    int rows = BLOCK / Math.min(count / vector, TILE);
    int wave = limits.multiprocessors() * blocks / tiles(count);
    return Math.max(1, Math.min(wave, pixels / (rows * PIXELS)));
  }

  /**
   * Channels of one launch, where a second pass reads so many tensors again: all, unless fewer stay
   * in half of the L2 cache, and not reading them again saves more than the launches cost.
   */
  int channels(int tensors) {
    long bytes = tensors * (long) pixels * c * type.bytes();
    long budget = limits.l2Bytes() / 2;
    int line = LINE / type.bytes();
    if (budget == 0 || bytes <= budget || c % line != 0) {
      return c;
    }
    int lines = c / line;
    long parts = Math.min(lines, (bytes + budget - 1) / budget);
    int channels = (int) ((lines + parts - 1) / parts) * line;
    boolean stays = bytes / c * channels <= budget;
    long launches = 3L * ((c + channels - 1) / channels - 1);
    return stays && bytes > launches * limits.launchBytes() ? channels : c;
  }

  /** Some channels of the tensor, from one on. */
  record Part(int first, int count) {}

  /** All channels in one part. */
  Part all() {
    return new Part(0, c);
  }

  /** The parts, each of so many channels. */
  Iterable<Part> parts(int channels) {
    return () ->
        java.util.stream.IntStream.range(0, (c + channels - 1) / channels)
            .mapToObj(i -> new Part(i * channels, Math.min(channels, c - i * channels)))
            .iterator();
  }

  /** A kernel over tiles and slices; the arguments end in what it works on. */
  void tiled(
      GpuBinding op, Phase phase, String kernel, int tensors, Part part, Arguments arguments) {
    int slices = slices(BLOCKS.get(kernel), part.count);
    op.kernel(
        phase,
        kernel + (vector == 1 ? "Scalar_" : "_") + Gpu.suffix(type),
        new Kernel.Grid(tiles(part.count) * slices, BLOCK, 0),
        tensors * (long) pixels * part.count * type.bytes(),
        area(arguments, part, slices));
  }

  /** A kernel that adds up the slices. */
  void fold(GpuBinding op, Phase phase, String kernel, Part part, Arguments arguments) {
    int slices = slices(SUMMING, part.count);
    op.kernel(
        phase,
        kernel,
        new Kernel.Grid((part.count + TILE - 1) / TILE, BLOCK, 0),
        8L * slices * part.count,
        area(arguments, part, slices));
  }

  private Arguments area(Arguments arguments, Part part, int slices) {
    return arguments.add(c).add(part.first).add(part.count).add(pixels).add(slices);
  }

  /** Sums over the pixels for each channel, as the gradient of a bias. */
  void sums(GpuBinding op, Phase phase, Place x, Place sums, Place partial) {
    tiled(
        op,
        phase,
        "normSums",
        1,
        all(),
        new Arguments().add(0L).add(x.address()).add(0L).add(0L).add(partial.address()));
    fold(
        op,
        phase,
        "normSumsFold",
        all(),
        new Arguments().add(partial.address()).add(0L).add(0L).add(0f).add(0L).add(sums.address()));
  }
}
