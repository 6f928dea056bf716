package org.jresnet.distributed;

import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** Ranks that did not come where the others wait for them, or a network that does not carry. */
public final class RankFailure extends UserError {
  private static final long serialVersionUID = 1L;

  private RankFailure(String message) {
    super(message);
  }

  /**
   * Ranks are late.
   *
   * @param waiting the rank that says so
   * @param missing the ranks that it knows to be late
   */
  public static RankFailure late(int waiting, List<Integer> missing, int size, Duration timeout) {
    String names = missing.stream().map(String::valueOf).collect(Collectors.joining(", "));
    return new RankFailure(
        Text.format(
            "%s %s of %s did not come within %s s, rank %s waited: dead, hanging, cut off from the"
                + " network, or slower than --rank-timeout allows. The last checkpoint is whole;"
                + " --resume goes on from it",
            missing.size() == 1 ? "rank" : "ranks", names, size, timeout.toSeconds(), waiting));
  }

  /** The same, with what went wrong before. */
  public RankFailure after(String what) {
    return new RankFailure(Text.format("%s; after that %s", what, getMessage()));
  }

  /** The library that carries messages reports an error. */
  public static RankFailure of(int rank, String what) {
    return new RankFailure(
        Text.format(
            "rank %s can reach the other ranks no longer: %s. The last checkpoint is whole;"
                + " --resume goes on from it",
            rank, what));
  }
}
