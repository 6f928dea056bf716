package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.base.Closing;
import org.jresnet.nativebindings.cuda.CudaEvent;
import org.jresnet.nativebindings.cuda.PinnedMemory;

/**
 * Numbers that go from the host to one place on the device again and again. Two blocks of pinned
 * memory take turns, so that the host waits for the copy before last at most.
 */
final class GpuUpload implements Backend.Upload {
  private final Gpu gpu;
  private final Place to;
  private final int bytes;
  private final PinnedMemory[] blocks;
  private final CudaEvent[] copied = {new CudaEvent(), new CudaEvent()};
  private int turn;

  GpuUpload(Gpu gpu, Place to, int bytes) {
    this.gpu = gpu;
    this.to = to;
    this.bytes = bytes;
    blocks = new PinnedMemory[] {new PinnedMemory(bytes), new PinnedMemory(bytes)};
  }

  /** The block for the next {@link #send()}, when the copy before last has left it. */
  ByteBuffer next() {
    copied[turn].synchronize();
    return blocks[turn].view();
  }

  /** Copies what {@link #next} was given. */
  void send() {
    gpu.stream().upload(to.memory(), to.offset(), blocks[turn].pointer(), bytes);
    copied[turn].record(gpu.stream());
    turn = 1 - turn;
  }

  @Override
  public void send(ByteBuffer values) {
    next().put(0, values, values.position(), bytes);
    send();
  }

  @Override
  public void close() {
    gpu.stream().synchronize();
    Closing.closeAll(List.of(blocks[0], blocks[1], copied[0], copied[1]));
  }
}
