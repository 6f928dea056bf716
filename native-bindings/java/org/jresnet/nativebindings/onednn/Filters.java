package org.jresnet.nativebindings.onednn;

/**
 * Extents of a convolution's weights.
 *
 * @param groups number of groups
 * @param k filters of all groups
 * @param c channels that one filter sees
 * @param r rows
 * @param s columns
 */
public record Filters(long groups, long k, long c, long r, long s) {
  /** {@code k c r s}, or {@code group k c r s}. */
  long[] extents() {
    return groups == 1 ? new long[] {k, c, r, s} : new long[] {groups, k / groups, c, r, s};
  }
}
