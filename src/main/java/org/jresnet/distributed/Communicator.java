package org.jresnet.distributed;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The processes of a run, called ranks as in MPI. Every rank makes the same calls in the same
 * order, each from one thread; a call returns when all have made it. A rank that does not come
 * within the communicator's {@link #patience} makes the call fail in all others.
 *
 * <p>All calls throw {@link org.jresnet.base.UserError} naming the ranks that did not come, where
 * that is known.
 */
public interface Communicator extends AutoCloseable {
  /**
   * A sum over all ranks that is made again and again in the same memory. Starting and finishing it
   * allocates nothing.
   */
  interface Reduction extends AutoCloseable {
    /**
     * Begins to add up the values. Until {@link #finish} they belong to the communicator. Every
     * rank starts its reductions in the same order.
     */
    void start();

    /** Whether {@link #finish} would return at once. */
    boolean done();

    /** Waits for the sum, which has then replaced the values: on every rank the same bits. */
    void finish();

    @Override
    void close();
  }

  /** Number of this process, from 0. */
  int rank();

  /** How many there are. */
  int size();

  /** How long a call waits for ranks that do not come. */
  Duration patience();

  /** Whether this is rank 0, which reads and writes for all. */
  default boolean leads() {
    return rank() == 0;
  }

  /**
   * Prepares a sum.
   *
   * @param values direct memory in the machine's byte order; as long on every rank
   */
  Reduction reduction(ByteBuffer values, Element element);

  /** Replaces a few values by their sums over all ranks. */
  void sum(double[] values);

  /**
   * Sends bytes from one rank to all others.
   *
   * @param values direct memory; its remaining bytes are sent, or overwritten. The position stays
   */
  void broadcast(ByteBuffer values, int from);

  /** Waits until every rank is here. */
  void barrier();

  /** Ends all processes because this one cannot go on. May do nothing where others notice. */
  void abort();

  /** Says goodbye; every rank must. */
  @Override
  void close();

  /** The texts of all ranks, in their order. */
  default List<String> gather(String own) {
    return gather(own.getBytes(UTF_8)).stream().map(bytes -> new String(bytes, UTF_8)).toList();
  }

  /** What every rank has to say, in the order of the ranks. */
  default List<byte[]> gather(byte[] own) {
    double[] lengths = new double[size()];
    lengths[rank()] = own.length;
    sum(lengths);
    List<byte[]> all = new ArrayList<>();
    for (int from = 0; from < size(); from++) {
      byte[] bytes = from == rank() ? own.clone() : new byte[(int) lengths[from]];
      if (bytes.length > 0) {
        ByteBuffer sent = ByteBuffer.allocateDirect(bytes.length);
        sent.put(0, bytes);
        broadcast(sent, from);
        sent.get(0, bytes);
      }
      all.add(bytes);
    }
    return all;
  }

  /** What one rank has to say. */
  default byte[] broadcast(byte[] own, int from) {
    return gather(rank() == from ? own : new byte[0]).get(from);
  }
}
