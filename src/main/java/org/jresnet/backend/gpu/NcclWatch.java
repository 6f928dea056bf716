package org.jresnet.backend.gpu;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.nativebindings.cuda.CudaDevice;
import org.jresnet.nativebindings.cuda.CudaEvent;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.Nccl;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread that joins a GPU with those of other ranks and then looks after their sums. CUDA waits
 * for a sum without end, and where a rank does not come there is none: this thread ends it then, so
 * that whoever waits goes on and finds {@link #failure}.
 */
final class NcclWatch {
  private static final Logger LOG = LoggerFactory.getLogger(NcclWatch.class);
  private static final long PAUSE_NANOS = 100_000_000;

  /** Leaving may itself hang, where another rank's process has ended in the wrong moment. */
  private static final long LEAVE_SECONDS = 10;

  private static final String MORE =
      "; NCCL_DEBUG=INFO in the environment of all ranks says more, NCCL_SOCKET_IFNAME names the"
          + " network's interface";

  /** A sum that may be under way. Its owner changes it, the watch reads. */
  static final class Watched {
    private final CudaEvent done;
    private volatile boolean sending;
    private volatile boolean sent;
    private volatile long since;

    /** Done when the event has passed. */
    Watched(CudaEvent done) {
      this.done = done;
    }

    private boolean late(long patienceNanos) {
      boolean open = sending || sent && !done.passed();
      return open && System.nanoTime() - since > patienceNanos;
    }
  }

  private final int device;
  private final Supplier<Nccl> joining;
  private final Duration patience;
  private final CompletableFuture<Nccl> joined = new CompletableFuture<>();
  private final List<Watched> sums = new CopyOnWriteArrayList<>();
  private final ReentrantLock sending = new ReentrantLock();
  private final Thread thread = new Thread(this::run, "jresnet-nccl");
  private volatile boolean leaving;
  private volatile String failure;

  /**
   * Starts nothing yet.
   *
   * @param joining joins the GPUs, however long that takes
   * @param patience for that, and for each sum
   */
  NcclWatch(int device, Supplier<Nccl> joining, Duration patience) {
    this.device = device;
    this.joining = joining;
    this.patience = patience;
    thread.setDaemon(true);
  }

  /**
   * Joins.
   *
   * @throws UserError when the GPUs do not find each other
   */
  Nccl join(int ranks) {
    thread.start();
    try {
      return joined.get(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw new UserError(
          Text.format(
              "NCCL cannot join the GPUs of %s ranks: %s%s",
              ranks, e.getCause().getMessage(), MORE),
          e.getCause());
    } catch (TimeoutException e) {
      throw new UserError(
          Text.format(
              "the GPUs of %s ranks have not found each other within %s s, although all ranks are"
                  + " here%s",
              ranks, patience.toSeconds(), MORE),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UserError("interrupted while the GPUs of the ranks were joined", e);
    }
  }

  private void run() {
    Nccl nccl;
    try {
      CudaDevice.use(device);
      nccl = joining.get();
    } catch (RuntimeException | LinkageError e) {
      joined.completeExceptionally(e);
      return;
    }
    joined.complete(nccl);
    while (!leaving && failure == null) {
      LockSupport.parkNanos(PAUSE_NANOS);
      failure = problem(nccl);
    }
    abort(nccl);
  }

  private String problem(Nccl nccl) {
    try {
      Optional<String> found = nccl.failure();
      if (found.isPresent()) {
        return Text.format("NCCL reports that %s%s", found.get(), MORE);
      }
      for (Watched sum : sums) {
        if (sum.late(patience.toNanos())) {
          return Text.format(
              "a sum over the GPUs has not come within %s s: a GPU or the way between GPUs hangs%s",
              patience.toSeconds(), MORE);
        }
      }
      return null;
    } catch (CudaException e) {
      return e.getMessage();
    }
  }

  private void abort(Nccl nccl) {
    try {
      // Who sends from now on sees that it is over; a call that is being made ends first, unless it
      // hangs itself.
      if (sending.tryLock(1, TimeUnit.SECONDS)) {
        sending.unlock();
      }
      nccl.abort();
    } catch (InterruptedException | CudaException e) {
      LOG.warn("The GPUs of other ranks were not left in good order: {}", e.getMessage());
    }
  }

  void add(Watched sum) {
    sums.add(sum);
  }

  /** Makes the calls of a sum, the last of which records its event; none when it is all over. */
  void send(Watched sum, Runnable calls) {
    sending.lock();
    try {
      if (!leaving && failure == null) {
        sum.since = System.nanoTime();
        sum.sending = true;
        calls.run();
        sum.sent = true;
      }
    } finally {
      sum.sending = false;
      sending.unlock();
    }
  }

  Optional<String> failure() {
    return Optional.ofNullable(failure);
  }

  /** Ends all sums that are under way, and the thread. */
  void leave() {
    if (leaving) {
      return;
    }
    leaving = true;
    LockSupport.unpark(thread);
    try {
      thread.join(TimeUnit.SECONDS.toMillis(LEAVE_SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (thread.isAlive()) {
      LOG.warn("NCCL has not let go of this GPU within {} s", LEAVE_SECONDS);
    }
  }
}
