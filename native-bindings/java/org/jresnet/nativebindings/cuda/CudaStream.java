package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;

/** An ordered queue of work on a GPU, for any thread. */
public final class CudaStream implements AutoCloseable {
  private final int device = CudaDevice.current();
  private CUstream_st handle = new CUstream_st();

  /** A stream of the current GPU that does not wait for the default stream. */
  public CudaStream() {
    Check.runtime(
        cudart.cudaStreamCreateWithFlags(handle, cudart.cudaStreamNonBlocking), "making a stream");
  }

  /** For a call of the thread that asks, which works on the stream's GPU from here on. */
  CUstream_st handle() {
    if (handle == null) {
      throw new IllegalStateException("a stream is used after close");
    }
    CudaDevice.use(device);
    return handle;
  }

  /** Waits until all work is done; errors of the work appear here. */
  public void synchronize() {
    Check.runtime(cudart.cudaStreamSynchronize(handle()), "waiting for the device");
  }

  /** Work that comes later waits for the event. */
  public void await(CudaEvent event) {
    Check.runtime(cudart.cudaStreamWaitEvent(handle(), event.handle(), 0), "waiting for an event");
  }

  /** Copies from host memory, which must be pinned for the copy to run beside the host. */
  public void upload(DeviceMemory to, long offset, Pointer from, long bytes) {
    copy(to.at(offset, bytes), from, bytes, cudart.cudaMemcpyHostToDevice);
  }

  /** Copies to host memory, which must be pinned for the copy to run beside the host. */
  public void download(Pointer to, DeviceMemory from, long offset, long bytes) {
    copy(to, from.at(offset, bytes), bytes, cudart.cudaMemcpyDeviceToHost);
  }

  /** Copies within the device. */
  public void copy(DeviceMemory to, long toOffset, DeviceMemory from, long fromOffset, long bytes) {
    copy(
        to.at(toOffset, bytes), from.at(fromOffset, bytes), bytes, cudart.cudaMemcpyDeviceToDevice);
  }

  private void copy(Pointer to, Pointer from, long bytes, int direction) {
    Check.runtime(
        cudart.cudaMemcpyAsync(to, from, bytes, direction, handle()), "copying " + bytes + " B");
  }

  /** Sets bytes to zero. */
  public void clear(DeviceMemory memory, long offset, long bytes) {
    Check.runtime(
        cudart.cudaMemsetAsync(memory.at(offset, bytes), 0, bytes, handle()), "clearing memory");
  }

  /** Records what {@code work} sends to this stream, without running it. */
  public CudaGraph capture(Runnable work) {
    Check.runtime(
        cudart.cudaStreamBeginCapture(handle(), cudart.cudaStreamCaptureModeThreadLocal),
        "starting to record a CUDA graph");
    CUgraph_st graph = new CUgraph_st();
    try {
      work.run();
    } catch (RuntimeException | Error e) {
      // Ends the recording, which has failed, too; the first error says more.
      cudart.cudaStreamEndCapture(handle(), graph);
      cudart.cudaGetLastError();
      if (!graph.isNull()) {
        cudart.cudaGraphDestroy(graph);
      }
      throw e;
    }
    Check.runtime(cudart.cudaStreamEndCapture(handle(), graph), "recording a CUDA graph");
    return new CudaGraph(graph);
  }

  @Override
  public void close() {
    if (handle != null) {
      cudart.cudaStreamDestroy(handle);
      handle = null;
    }
  }
}
