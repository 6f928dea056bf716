package org.jresnet.bench;

import java.util.Comparator;
import java.util.stream.Stream;

/**
 * Time of an all-reduce in the latency-bandwidth model: α of latency a message, β a byte that is
 * sent, γ a byte that is added; with p ranks and n bytes, and lg p rounded up. Costs are those of
 * Thakur, Rabenseifner and Gropp, "Optimization of Collective Communication Operations in MPICH",
 * 2005 (<a href="https://doi.org/10.1177/1094342005051521">doi:10.1177/1094342005051521</a>).
 *
 * @param algorithm its name
 * @param latency seconds
 * @param transfer seconds
 * @param adding seconds
 */
public record AllReduce(String algorithm, double latency, double transfer, double adding) {
  /** All of it. */
  public double seconds() {
    return latency + transfer + adding;
  }

  /** Every pair of partners exchanges everything: lg p (α + nβ + nγ); for short messages. */
  static AllReduce recursiveDoubling(int p, double n, Link link, double gamma) {
    double rounds = rounds(p);
    return new AllReduce(
        "recursive doubling",
        rounds * link.latency(),
        rounds * n / link.bytesPerSecond(),
        rounds * n * gamma);
  }

  /**
   * Rabenseifner's: reduce-scatter by recursive halving, then allgather by recursive doubling: 2 lg
   * p α + 2 (p−1)/p nβ + (p−1)/p nγ.
   */
  static AllReduce halvingAndDoubling(int p, double n, Link link, double gamma) {
    return scattered(
        "halving and doubling", 2 * rounds(p), p, n * gamma, n / link.bytesPerSecond(), link);
  }

  /** Around a ring, as NCCL does: 2 (p−1) α + 2 (p−1)/p nβ + (p−1)/p nγ. */
  static AllReduce ring(int p, double n, Link link, double gamma) {
    return scattered("ring", 2.0 * (p - 1), p, n * gamma, n / link.bytesPerSecond(), link);
  }

  private static AllReduce scattered(
      String algorithm, double messages, int p, double adding, double sending, Link link) {
    double share = (p - 1.0) / p;
    return new AllReduce(algorithm, messages * link.latency(), 2 * share * sending, share * adding);
  }

  /** Binomial trees, to one rank and back: 2 lg p (α + nβ) + lg p nγ. */
  static AllReduce tree(int p, double n, Link link, double gamma) {
    double rounds = rounds(p);
    return new AllReduce(
        "tree",
        2 * rounds * link.latency(),
        2 * rounds * n / link.bytesPerSecond(),
        rounds * n * gamma);
  }

  /**
   * The fastest of all.
   *
   * @param p ranks
   * @param n bytes that each rank has
   * @param gamma seconds that adding a byte takes
   */
  public static AllReduce best(int p, double n, Link link, double gamma) {
    return Stream.of(
            recursiveDoubling(p, n, link, gamma),
            halvingAndDoubling(p, n, link, gamma),
            ring(p, n, link, gamma),
            tree(p, n, link, gamma))
        .min(Comparator.comparingDouble(AllReduce::seconds))
        .orElseThrow();
  }

  /** lg p, rounded up. */
  private static int rounds(int p) {
    return 32 - Integer.numberOfLeadingZeros(p - 1);
  }
}
