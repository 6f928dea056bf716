package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.global.cudart;

/** A mark in a stream that others wait for, with the time at which it was passed. */
public final class CudaEvent implements AutoCloseable {
  private CUevent_st handle = new CUevent_st();

  /** An event that nobody has recorded yet; waiting for it returns at once. */
  public CudaEvent() {
    Check.runtime(
        cudart.cudaEventCreateWithFlags(handle, cudart.cudaEventDefault), "making an event");
  }

  CUevent_st handle() {
    if (handle == null) {
      throw new IllegalStateException("an event is used after close");
    }
    return handle;
  }

  /** Puts the mark behind all work so far. */
  public void record(CudaStream stream) {
    Check.runtime(cudart.cudaEventRecord(handle(), stream.handle()), "recording an event");
  }

  /** The same inside a recorded CUDA graph: the mark is passed anew in each launch. */
  public void recordInGraph(CudaStream stream) {
    Check.runtime(
        cudart.cudaEventRecordWithFlags(handle(), stream.handle(), cudart.cudaEventRecordExternal),
        "recording an event");
  }

  /** Waits on the host. */
  public void synchronize() {
    Check.runtime(cudart.cudaEventSynchronize(handle()), "waiting for the device");
  }

  /** Whether the device has passed the mark; so of an event that nobody has recorded. */
  public boolean passed() {
    int status = cudart.cudaEventQuery(handle());
    if (status == cudart.cudaErrorNotReady) {
      cudart.cudaGetLastError(); // not to be found by the next call
      return false;
    }
    Check.runtime(status, "looking at an event");
    return true;
  }

  /** Milliseconds from an earlier event to this one; both must have been passed. */
  public float millisecondsSince(CudaEvent earlier) {
    float[] time = new float[1];
    Check.runtime(cudart.cudaEventElapsedTime(time, earlier.handle(), handle()), "reading a time");
    return time[0];
  }

  @Override
  public void close() {
    if (handle != null) {
      cudart.cudaEventDestroy(handle);
      handle = null;
    }
  }
}
