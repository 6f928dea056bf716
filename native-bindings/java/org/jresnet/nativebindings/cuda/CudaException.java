package org.jresnet.nativebindings.cuda;

/** A call of an NVIDIA library that failed, with the library's own words. */
public final class CudaException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** What a failure means for the caller. */
  public enum Kind {
    /** The library cannot do this; another way may exist. */
    NOT_SUPPORTED,
    /** Device or pinned memory does not suffice. */
    OUT_OF_MEMORY,
    /** There is no driver or no device, or the driver is too old. */
    NO_DEVICE,
    /** A sub-library is missing or of another version. */
    LIBRARY,
    /** Everything else: a bug here or there, or a device that failed. */
    FAILED
  }

  private final transient Kind kind;

  CudaException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  /** What it means. */
  public Kind kind() {
    return kind;
  }
}
