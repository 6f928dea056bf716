package org.jresnet.nativebindings.cuda;

import java.util.Optional;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.cuda.nccl.ncclComm;
import org.bytedeco.cuda.nccl.ncclUniqueId;
import org.bytedeco.javacpp.Pointer;

/**
 * The place of a rank among GPUs that add up values together, by <a
 * href="https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/api/comms.html">NCCL</a>.
 *
 * <p>Sums are sent from one thread at a time, and by every rank in the same order. {@link #failure}
 * and {@link #abort} may be called from another thread.
 */
public final class Nccl {
  private ncclComm handle = new ncclComm();

  /** How values are added up. */
  public enum Operation {
    /** Their sum. */
    SUM(nccl.ncclSum),
    /** Their mean: each is multiplied by 1/ranks first. */
    MEAN(nccl.ncclAvg);

    private final int code;

    Operation(int code) {
      this.code = code;
    }
  }

  /**
   * Joins the GPU that the calling thread uses; returns when all ranks have joined theirs, however
   * long that takes.
   *
   * @param id that one of the ranks has made by {@link #newId}
   */
  public Nccl(byte[] id, int rank, int ranks) {
    try (ncclUniqueId shared = new ncclUniqueId()) {
      for (int i = 0; i < id.length; i++) {
        shared.internal(i, id[i]);
      }
      Check.nccl(
          nccl.ncclCommInitRank(handle, ranks, shared, rank),
          "joining " + ranks + " GPUs as rank " + rank,
          null);
    }
  }

  /** Version of the loaded library: 22903 is 2.29.3. */
  public static int version() {
    int[] version = new int[1];
    Check.nccl(nccl.ncclGetVersion(version), "asking NCCL's version", null);
    return version[0];
  }

  /** Bytes by which ranks find each other: who makes them must be one of the ranks. */
  public static byte[] newId() {
    try (ncclUniqueId made = new ncclUniqueId()) {
      Check.nccl(nccl.ncclGetUniqueId(made), "making NCCL's id of the ranks", null);
      byte[] id = new byte[nccl.NCCL_UNIQUE_ID_BYTES];
      for (int i = 0; i < id.length; i++) {
        id[i] = made.internal(i);
      }
      return id;
    }
  }

  /** Values that are replaced by their sum over all ranks, again and again in the same place. */
  public final class Sum {
    private final Pointer values;
    private final long count;
    private final int type;
    private final Operation operation;

    private Sum(Pointer values, long count, int type, Operation operation) {
      this.values = values;
      this.count = count;
      this.type = type;
      this.operation = operation;
    }

    /** Sends it to the stream; it runs when all ranks have sent theirs. Allocates nothing. */
    public void run(CudaStream stream) {
      Check.nccl(
          nccl.ncclAllReduce(
              values, values, count, type, operation.code, handle(), stream.handle()),
          "adding up over ranks",
          handle);
    }
  }

  /**
   * Ties a sum to its memory.
   *
   * @param type F32 or BF16
   */
  public Sum bind(
      DeviceMemory memory, long offset, long count, DataType type, Operation operation) {
    int code =
        switch (type) {
          case F32 -> nccl.ncclFloat32;
          case BF16 -> nccl.ncclBfloat16;
          default -> throw new IllegalArgumentException("no sums over ranks of " + type);
        };
    return new Sum(memory.at(offset, count * type.bytes()), count, code, operation);
  }

  private ncclComm handle() {
    if (handle == null) {
      throw new IllegalStateException("NCCL is used after abort");
    }
    return handle;
  }

  /** What has gone wrong with sums that are under way, or on the way between the GPUs. */
  public Optional<String> failure() {
    int[] status = new int[1];
    Check.nccl(nccl.ncclCommGetAsyncError(handle(), status), "asking NCCL for errors", handle);
    return status[0] == nccl.ncclSuccess
        ? Optional.empty()
        : Optional.of(Check.ncclText(status[0], handle));
  }

  /**
   * Leaves the other ranks; sums that are under way end without a result, those of the others, too.
   * Nothing may be sent meanwhile, nor afterwards.
   */
  public void abort() {
    ncclComm left = handle();
    handle = null;
    Check.nccl(nccl.ncclCommAbort(left), "leaving the GPUs of other ranks", null);
  }
}
