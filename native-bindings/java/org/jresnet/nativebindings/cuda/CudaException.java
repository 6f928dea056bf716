package org.jresnet.nativebindings.cuda;

/** A call of an NVIDIA library that failed, with the library's own words. */
public final class CudaException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private static final String LOST_ADVICE =
      "; the GPU works no more in this process: start again, a training with --resume. If it"
          + " happens again, compute-sanitizer names the kernel, and nvidia-smi -q -d ECC faulty"
          + " memory";

  /** What a failure means for the caller. */
  public enum Kind {
    /** The library cannot do this; another way may exist. */
    NOT_SUPPORTED,
    /** What was to be read is damaged, or of a kind that the library does not read. */
    BAD_INPUT,
    /** Device or pinned memory does not suffice. */
    OUT_OF_MEMORY,
    /** There is no driver or no device, or the driver is too old. */
    NO_DEVICE,
    /** A sub-library is missing or of another version. */
    LIBRARY,
    /**
     * The device's work went wrong in a way that no later call survives: an illegal address, a
     * memory error. CUDA works again in another process.
     */
    LOST,
    /** Everything else: a bug here or there. */
    FAILED
  }

  private final transient Kind kind;

  CudaException(Kind kind, String message) {
    super(kind == Kind.LOST ? message + LOST_ADVICE : message);
    this.kind = kind;
  }

  /** What it means. */
  public Kind kind() {
    return kind;
  }
}
