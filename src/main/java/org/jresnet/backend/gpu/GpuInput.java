package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.jresnet.backend.InputOp;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.QuantParams;
import org.jresnet.backend.Tensor;
import org.jresnet.base.Closing;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.nativebindings.cuda.CudaEvent;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.PinnedMemory;

/**
 * Pixels in: the host copies a batch into one of two pinned blocks, the device takes it over on a
 * stream of its own while it still computes the step before, and a kernel normalises it.
 */
final class GpuInput implements InputOp {
  private final Gpu gpu;
  private final int bytes;
  private final PinnedMemory[] pinned;
  private final CudaEvent[] uploaded;
  private final CudaEvent consumed;
  private final DeviceMemory pixels;

  /** Means and deviations of the channels; in int8 what each pixel becomes. */
  private final DeviceMemory constants;

  private final Device.Launch normalise;
  private int turn;

  GpuInput(Gpu gpu, Shape shape, Normalization normalization, Tensor y) {
    this.gpu = gpu;
    int channels = shape.c();
    if (normalization.mean().size() != channels) {
      throw new IllegalArgumentException(
          "normalization of "
              + normalization.mean().size()
              + " channels for an input of "
              + channels);
    }
    bytes = Math.toIntExact(shape.elements());
    pinned = new PinnedMemory[] {new PinnedMemory(bytes), new PinnedMemory(bytes)};
    uploaded = new CudaEvent[] {new CudaEvent(), new CudaEvent()};
    consumed = new CudaEvent();
    pixels = new DeviceMemory(bytes);
    boolean quantized = y.type() == DType.I8;
    constants = gpu.constant(quantized ? table(normalization) : meanStd(normalization));
    Arguments arguments =
        new Arguments().add(pixels.address(0, bytes)).add(constants.address(0, 0)).add(channels);
    long target = DeviceBuffer.place(y).address();
    normalise =
        quantized
            ? gpu.launch(
                "inputBytes",
                Gpu.grid(gpu.limits(), (bytes + 15) / 16),
                arguments.add((long) bytes).add(target))
            : gpu.launch(
                "input_" + Gpu.suffix(y.type()),
                Gpu.grid(gpu.limits(), (bytes + 15) / 16),
                arguments.add(bytes).add(target));
  }

  private static ByteBuffer meanStd(Normalization normalization) {
    int channels = normalization.mean().size();
    ByteBuffer values = ByteBuffer.allocate(8 * channels).order(ByteOrder.LITTLE_ENDIAN);
    normalization.mean().forEach(values::putFloat);
    normalization.std().forEach(values::putFloat);
    return values.flip();
  }

  /** The byte of each pixel in each channel. */
  private static ByteBuffer table(Normalization normalization) {
    int channels = normalization.mean().size();
    QuantParams stored = QuantParams.of(normalization);
    ByteBuffer values = ByteBuffer.allocate(256 * channels);
    for (int i = 0; i < values.capacity(); i++) {
      values.put((byte) stored.integer(normalization.apply(i / 256, i % 256)));
    }
    return values.flip();
  }

  @Override
  public void load(byte[] source) {
    // Until the copy before last has left this block.
    uploaded[turn].synchronize();
    pinned[turn].view().put(0, source, 0, bytes);
    gpu.uploads().await(consumed);
    gpu.uploads().upload(pixels, 0, pinned[turn].pointer(), bytes);
    uploaded[turn].record(gpu.uploads());
    gpu.stream().await(uploaded[turn]);
    turn = 1 - turn;
  }

  @Override
  public void run() {
    normalise.run();
    gpu.mark(consumed);
  }

  @Override
  public void close() {
    gpu.uploads().synchronize();
    gpu.stream().synchronize();
    Closing.closeAll(
        List.of(
            pinned[0],
            pinned[1],
            uploaded[0],
            uploaded[1],
            consumed,
            pixels,
            constants,
            normalise));
  }
}
