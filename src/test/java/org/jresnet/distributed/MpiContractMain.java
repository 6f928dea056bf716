package org.jresnet.distributed;

import java.time.Duration;

/** One rank of a test: runs the contract, or comes too late. */
public final class MpiContractMain {
  private MpiContractMain() {}

  /** {@code contract}, or {@code late RANK SECONDS}. */
  public static void main(String[] arguments) throws InterruptedException {
    Launch launch = Launch.of(System.getenv());
    boolean late = arguments[0].equals("late");
    Duration timeout = Duration.ofSeconds(late ? Integer.parseInt(arguments[2]) : 60);
    Communicator ranks = launch.join(Launch.Wanted.MPI, System.getenv(), timeout);
    try {
      if (late) {
        ranks.barrier();
        if (ranks.rank() == Integer.parseInt(arguments[1])) {
          Thread.sleep(timeout.toMillis() * 10);
        }
        ranks.barrier();
      } else {
        CommunicatorContract.check(ranks);
      }
      ranks.close();
      System.out.println("rank " + ranks.rank() + " of " + ranks.size() + " done");
    } catch (RuntimeException | Error e) {
      System.out.println("rank " + ranks.rank() + ": " + e);
      Thread.sleep(1000);
      ranks.abort();
    }
  }
}
