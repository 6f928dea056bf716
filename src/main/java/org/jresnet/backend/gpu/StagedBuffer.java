package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.PinnedMemory;

/** A GPU's memory; the host's accesses go through one pinned block. */
final class StagedBuffer extends DeviceBuffer {
  static final int STAGING = 4 << 20;

  private final Gpu gpu;
  private final PinnedMemory staging;

  StagedBuffer(Gpu gpu, PinnedMemory staging, long bytes) {
    super(new DeviceMemory(bytes));
    this.gpu = gpu;
    this.staging = staging;
  }

  @Override
  public void write(long offset, ByteBuffer source) {
    ByteBuffer view = staging.view();
    while (source.hasRemaining()) {
      int count = Math.min(source.remaining(), STAGING);
      view.clear().put(source.slice().limit(count));
      source.position(source.position() + count);
      gpu.stream().upload(memory(), offset, staging.pointer(), count);
      gpu.stream().synchronize();
      offset += count;
    }
  }

  @Override
  public void read(long offset, ByteBuffer target) {
    ByteBuffer view = staging.view();
    while (target.hasRemaining()) {
      int count = Math.min(target.remaining(), STAGING);
      gpu.stream().download(staging.pointer(), memory(), offset, count);
      gpu.stream().synchronize();
      target.put(view.clear().limit(count));
      offset += count;
    }
  }

  @Override
  public ByteBuffer snapshot(long offset, int length) {
    ByteBuffer copy = ByteBuffer.allocateDirect(length).order(ByteOrder.LITTLE_ENDIAN);
    read(offset, copy);
    return copy.flip().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }
}
