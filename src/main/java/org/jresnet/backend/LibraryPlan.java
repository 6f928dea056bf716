package org.jresnet.backend;

/**
 * A plan whose calls a native library computes. The scratch memory is the largest scratch of any
 * call, which the calls use in turn, followed by the op's own temporaries.
 *
 * @param <B> what collects the calls
 */
public abstract class LibraryPlan<B extends Binding> implements OpPlan {
  /** What was planned. */
  protected final OpSpec spec;

  private final String backend;
  private final long alignment;
  private long library;
  private long temporaries;
  private long saved;
  private long packed;
  private long held;

  /**
   * An empty plan.
   *
   * @param backend named in errors
   * @param alignment of every tensor in scratch memory, in bytes
   */
  protected LibraryPlan(String backend, long alignment, OpSpec spec) {
    this.backend = backend;
    this.alignment = alignment;
    this.spec = spec;
  }

  /**
   * Refuses to add to a gradient that the library overwrites.
   *
   * @throws UnsupportedOperationException naming the gradient and what to use instead
   */
  protected final void requireNoAccumulation(GradientWrite policy, String gradient) {
    if (policy == GradientWrite.ACCUMULATE) {
      throw new UnsupportedOperationException(
          String.format(
              "the %s backend writes %s and cannot add to it; use OVERWRITE, and"
                  + " Optimizer.accumulate for several batches: %s",
              backend, gradient, spec));
    }
  }

  /** Bytes up to the next aligned offset. */
  protected final long align(long bytes) {
    return align(bytes, alignment);
  }

  /** Bytes up to the next offset of that alignment. */
  public static long align(long bytes, long alignment) {
    return (bytes + alignment - 1) / alignment * alignment;
  }

  /** Whether backward follows forward. */
  protected final boolean training() {
    return spec.pass() == Pass.TRAINING;
  }

  /** Reserves scratch for one call of the library. */
  protected final void libraryScratch(long bytes) {
    library = Math.max(library, align(bytes));
  }

  /** Reserves temporaries; those of several calls overlap unless you add up their offsets. */
  protected final void temporaries(long bytes) {
    temporaries = Math.max(temporaries, align(bytes));
  }

  /** Where the temporary at that offset lies in {@link org.jresnet.graph.Slot#SCRATCH}. */
  protected final long temporary(long offset) {
    return library + offset;
  }

  /** Reserves what forward leaves for backward. */
  protected final void saved(long bytes) {
    saved = bytes;
  }

  /** Reserves what prepare leaves for forward. */
  protected final void packed(long bytes) {
    packed = bytes;
  }

  /** Reserves what backward leaves for finish. */
  protected final void held(long bytes) {
    held = bytes;
  }

  /** An empty list of calls over those operands. */
  protected abstract B start(Operands operands);

  /** Appends the calls; called by {@link #bind}. */
  protected abstract void build(B op, Operands operands);

  @Override
  public final BoundOp bind(Operands operands) {
    B op = start(operands);
    try {
      build(op, operands);
      return op.bound();
    } catch (RuntimeException | Error e) {
      op.abandon();
      throw e;
    }
  }

  @Override
  public final OpSpec spec() {
    return spec;
  }

  @Override
  public final long savedBytes() {
    return saved;
  }

  @Override
  public final long packedBytes() {
    return packed;
  }

  @Override
  public final long heldBytes() {
    return held;
  }

  @Override
  public final long scratchBytes() {
    return library + temporaries;
  }
}
