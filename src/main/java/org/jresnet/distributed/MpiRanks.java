package org.jresnet.distributed;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import org.jresnet.nativebindings.mpi.Mpi;

/**
 * Ranks that MPI connects. Every call is one that MPI only begins, and that is asked for until it
 * is done: MPI waits by spinning and without end, while here a waiting rank sleeps and notices who
 * does not come. A thread asks every millisecond for sums that are under way while the network
 * computes, because MPI makes no progress by itself.
 */
final class MpiRanks implements Communicator {
  /** Between two questions; at first there are none, because small sums take microseconds. */
  private static final long PAUSE_NANOS = 1_000_000;

  private static final long SPIN_NANOS = 50_000;

  /** From when on a wait asks who else waits. */
  private static final long LISTEN_NANOS = 1_000_000_000;

  /** The most bytes of one message. */
  private static final int MESSAGE = 1 << 30;

  private final Mpi mpi;
  private final Duration timeout;
  private final List<Sum> sums = new CopyOnWriteArrayList<>();
  private final Thread progress = new Thread(this::progress, "jresnet-exchange");
  private final int slot;
  private DoubleBuffer few;
  private Mpi.Memory fewMemory;
  private int fewCount;

  /** Calls that this rank has waited in, and that others have told it. */
  private long calls;

  private final long[] told;
  private volatile boolean closed;
  private volatile RuntimeException failure;

  MpiRanks(Mpi mpi, Duration timeout) {
    this.mpi = mpi;
    this.timeout = timeout;
    slot = mpi.slot();
    told = new long[mpi.size()];
    progress.setDaemon(true);
    progress.start();
  }

  /** A sum that is under way, or may be. */
  private final class Sum implements Reduction {
    private final Mpi.Memory values;
    private final Element element;
    private final int count;
    private final int own = mpi.slot();
    private volatile boolean running;

    Sum(ByteBuffer values, Element element) {
      this.values = new Mpi.Memory(values);
      this.element = element;
      count = values.remaining() / element.bytes();
    }

    @Override
    public void start() {
      try {
        mpi.sum(own, values, count, element.ordinal());
      } catch (IllegalStateException e) {
        throw RankFailure.of(rank(), e.getMessage());
      }
      running = true;
      LockSupport.unpark(progress);
    }

    /** Two threads ask; MPI allows one at a time. */
    @Override
    public synchronized boolean done() {
      if (running && mpi.done(own)) {
        running = false;
      }
      return !running;
    }

    // Made once: a step allocates nothing.
    private final Done asked = this::done;

    @Override
    public void finish() {
      await(asked);
    }

    @Override
    public void close() {
      sums.remove(this);
    }
  }

  /** Whether a call is done. */
  private interface Done {
    boolean ask();
  }

  private void progress() {
    while (!closed && failure == null) {
      boolean running = false;
      try {
        for (int i = 0; i < sums.size(); i++) {
          running |= !sums.get(i).done();
        }
      } catch (IllegalStateException e) {
        failure = RankFailure.of(rank(), e.getMessage());
      } catch (IndexOutOfBoundsException e) {
        // One was closed meanwhile.
        continue;
      }
      if (running) {
        LockSupport.parkNanos(PAUSE_NANOS);
      } else {
        LockSupport.park();
      }
    }
  }

  private void call(Runnable begin) {
    try {
      begin.run();
    } catch (IllegalStateException e) {
      throw RankFailure.of(rank(), e.getMessage());
    }
  }

  private void await(Done done) {
    calls++;
    long began = System.nanoTime();
    boolean said = false;
    while (true) {
      if (failure != null) {
        throw failure;
      }
      boolean there;
      try {
        there = done.ask();
      } catch (IllegalStateException e) {
        throw RankFailure.of(rank(), e.getMessage());
      }
      if (there) {
        return;
      }
      long waited = System.nanoTime() - began;
      if (waited < SPIN_NANOS) {
        Thread.onSpinWait();
        continue;
      }
      if (waited > LISTEN_NANOS) {
        boolean asked = listen();
        if (!said && (asked || waited > timeout.toNanos() / 2)) {
          said = true;
          sayThatWeWait();
        }
      }
      if (waited > timeout.toNanos()) {
        throw RankFailure.late(rank(), missing(), size(), timeout);
      }
      LockSupport.parkNanos(Math.min(PAUSE_NANOS, waited / 4));
    }
  }

  /** Hears who waits where; whether one of them waits here. */
  private boolean listen() {
    boolean here = false;
    for (int from = mpi.hear(); from >= 0; from = mpi.hear()) {
      told[from] = Math.max(told[from], mpi.heard());
      here |= told[from] >= calls;
    }
    return here;
  }

  private void sayThatWeWait() {
    for (int other = 0; other < size(); other++) {
      if (other != rank()) {
        int to = other;
        call(() -> mpi.tell(to, calls));
      }
    }
  }

  private List<Integer> missing() {
    List<Integer> missing = new ArrayList<>();
    for (int other = 0; other < size(); other++) {
      if (other != rank() && told[other] < calls) {
        missing.add(other);
      }
    }
    return missing;
  }

  @Override
  public int rank() {
    return mpi.rank();
  }

  @Override
  public int size() {
    return mpi.size();
  }

  @Override
  public Duration patience() {
    return timeout;
  }

  @Override
  public Reduction reduction(ByteBuffer values, Element element) {
    Sum sum = new Sum(values, element);
    sums.add(sum);
    return sum;
  }

  @Override
  public void sum(double[] values) {
    // Open MPI's fastest way of adding divides the values among the ranks; with fewer, it goes
    // around a ring instead.
    int count = Math.max(values.length, size());
    if (few == null || count > few.capacity()) {
      ByteBuffer memory =
          ByteBuffer.allocateDirect(count * Double.BYTES).order(ByteOrder.nativeOrder());
      few = memory.asDoubleBuffer();
      fewMemory = new Mpi.Memory(memory);
    }
    fewCount = count;
    few.put(0, values);
    for (int i = values.length; i < count; i++) {
      few.put(i, 0);
    }
    call(beginFew);
    await(arrived);
    few.get(0, values);
  }

  // Made once: a step allocates nothing.
  private final Done arrived = this::arrived;
  private final Runnable beginFew = this::beginFew;

  private boolean arrived() {
    return mpi.done(slot);
  }

  private void beginFew() {
    mpi.sum(slot, fewMemory, fewCount, Element.F64.ordinal());
  }

  @Override
  public void broadcast(ByteBuffer values, int from) {
    for (int at = values.position(); at < values.limit(); at += MESSAGE) {
      int count = Math.min(MESSAGE, values.limit() - at);
      Mpi.Memory piece = new Mpi.Memory(values.duplicate().position(at).limit(at + count));
      call(() -> mpi.broadcast(slot, piece, from));
      await(arrived);
    }
  }

  @Override
  public void barrier() {
    call(() -> mpi.barrier(slot));
    await(arrived);
  }

  @Override
  public void abort() {
    closed = true;
    mpi.abort();
  }

  @Override
  public void close() {
    if (!closed) {
      barrier();
      closed = true;
      LockSupport.unpark(progress);
      mpi.close();
    }
  }
}
