package org.jresnet.distributed;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jresnet.base.BFloat16;

/** Ranks that are threads of this process. Sums are made in the order of the ranks. */
public final class ThreadRanks {
  private final int size;
  private final Duration timeout;
  private final Map<Long, Meeting> meetings = new HashMap<>();

  /** Who could come no more because a rank has failed. */
  private boolean aborted;

  private ThreadRanks(int size, Duration timeout) {
    this.size = size;
    this.timeout = timeout;
  }

  /** A call that all ranks make together. */
  private static final class Meeting {
    final String call;
    final ByteBuffer[] values;
    int arrived;
    int left;

    Meeting(String call, int size) {
      this.call = call;
      values = new ByteBuffer[size];
    }
  }

  /** So many communicators that belong together, one for each thread. */
  public static List<Communicator> of(int size, Duration timeout) {
    ThreadRanks ranks = new ThreadRanks(size, timeout);
    return IntStream.range(0, size).<Communicator>mapToObj(r -> ranks.new Rank(r)).toList();
  }

  /**
   * Runs the same code on so many ranks and returns what each has to say.
   *
   * @throws RuntimeException the failure of the first rank that failed by itself; the others', that
   *     they waited in vain, are suppressed in it
   */
  public static <T> List<T> run(int size, Function<Communicator, T> body) {
    return run(of(size, Duration.ofMinutes(2)), body);
  }

  /** The same for communicators that {@link #of} has made, or a test has changed. */
  public static <T> List<T> run(List<Communicator> ranks, Function<Communicator, T> body) {
    List<CompletableFuture<T>> futures = new ArrayList<>();
    for (Communicator rank : ranks) {
      CompletableFuture<T> future = new CompletableFuture<>();
      futures.add(future);
      Thread thread =
          new Thread(
              () -> {
                try (rank) {
                  future.complete(body.apply(rank));
                } catch (RuntimeException | Error e) {
                  rank.abort();
                  future.completeExceptionally(e);
                }
              },
              "rank " + rank.rank());
      thread.start();
    }
    List<T> said = new ArrayList<>();
    List<RuntimeException> failures = new ArrayList<>();
    for (CompletableFuture<T> future : futures) {
      try {
        said.add(future.get());
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      } catch (ExecutionException e) {
        if (e.getCause() instanceof Error error) {
          throw error;
        }
        failures.add((RuntimeException) e.getCause());
      }
    }
    if (!failures.isEmpty()) {
      RuntimeException first =
          failures.stream().filter(f -> !(f instanceof Aborted)).findFirst().orElseThrow();
      failures.stream().filter(f -> f != first).forEach(first::addSuppressed);
      throw first;
    }
    return said;
  }

  private static final class Aborted extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private void combine(Meeting meeting, Element element) {
    ByteBuffer total = meeting.values[0];
    for (int i = 0; i < total.limit(); i += element.bytes()) {
      switch (element) {
        case F32 -> {
          float sum = total.getFloat(i);
          for (int r = 1; r < size; r++) {
            sum += meeting.values[r].getFloat(i);
          }
          for (ByteBuffer own : meeting.values) {
            own.putFloat(i, sum);
          }
        }
        case F64 -> {
          double sum = total.getDouble(i);
          for (int r = 1; r < size; r++) {
            sum += meeting.values[r].getDouble(i);
          }
          for (ByteBuffer own : meeting.values) {
            own.putDouble(i, sum);
          }
        }
        case BF16 -> {
          short sum = total.getShort(i);
          for (int r = 1; r < size; r++) {
            float other = BFloat16.toFloat(meeting.values[r].getShort(i));
            sum = BFloat16.of(BFloat16.toFloat(sum) + other);
          }
          for (ByteBuffer own : meeting.values) {
            own.putShort(i, sum);
          }
        }
      }
    }
  }

  private synchronized void arrive(
      int rank, long number, String call, ByteBuffer own, Runnable last) {
    Meeting meeting = meetings.computeIfAbsent(number, n -> new Meeting(call, size));
    if (!meeting.call.equals(call)) {
      throw new IllegalStateException(
          "call "
              + number
              + " of rank "
              + rank
              + " is "
              + call
              + ", another rank's is "
              + meeting.call);
    }
    meeting.values[rank] = own;
    meeting.arrived++;
    if (meeting.arrived == size) {
      last.run();
      notifyAll();
    }
  }

  private synchronized boolean complete(long number) {
    return meetings.get(number).arrived == size;
  }

  private synchronized void leave(int rank, long number) {
    Meeting meeting = meetings.get(number);
    long end = System.nanoTime() + timeout.toNanos();
    while (meeting.arrived < size) {
      long rest = end - System.nanoTime();
      if (aborted) {
        throw new Aborted();
      }
      if (rest <= 0) {
        List<Integer> missing =
            IntStream.range(0, size).filter(r -> meeting.values[r] == null).boxed().toList();
        throw RankFailure.late(rank, missing, size, timeout);
      }
      try {
        wait(rest / 1_000_000 + 1);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
    if (++meeting.left == size) {
      meetings.remove(number);
    }
  }

  private synchronized void abort() {
    aborted = true;
    notifyAll();
  }

  private final class Rank implements Communicator {
    private final int rank;
    private long calls;

    private Rank(int rank) {
      this.rank = rank;
    }

    @Override
    public int rank() {
      return rank;
    }

    @Override
    public int size() {
      return size;
    }

    @Override
    public Duration patience() {
      return timeout;
    }

    @Override
    public Reduction reduction(ByteBuffer values, Element element) {
      ByteBuffer own = values.duplicate().order(ByteOrder.nativeOrder());
      String call = "the sum of " + own.limit() + " bytes of " + element;
      return new Reduction() {
        private long number;

        @Override
        public void start() {
          number = calls++;
          long now = number;
          arrive(rank, now, call, own, () -> combine(meetings.get(now), element));
        }

        @Override
        public boolean done() {
          return complete(number);
        }

        @Override
        public void finish() {
          leave(rank, number);
        }

        @Override
        public void close() {}
      };
    }

    @Override
    public void sum(double[] values) {
      ByteBuffer bytes =
          ByteBuffer.allocateDirect(values.length * Double.BYTES).order(ByteOrder.nativeOrder());
      bytes.asDoubleBuffer().put(values);
      Reduction reduction = reduction(bytes, Element.F64);
      reduction.start();
      reduction.finish();
      bytes.asDoubleBuffer().get(values);
    }

    @Override
    public void broadcast(ByteBuffer values, int from) {
      long number = calls++;
      ByteBuffer own = values.slice();
      String call = "the broadcast of " + own.limit() + " bytes from rank " + from;
      arrive(rank, number, call, own, () -> spread(meetings.get(number), from));
      leave(rank, number);
    }

    private void spread(Meeting meeting, int from) {
      for (int r = 0; r < size; r++) {
        if (r != from) {
          meeting.values[r].put(0, meeting.values[from], 0, meeting.values[from].limit());
        }
      }
    }

    @Override
    public void barrier() {
      sum(new double[1]);
    }

    @Override
    public void abort() {
      ThreadRanks.this.abort();
    }

    @Override
    public void close() {}
  }
}
