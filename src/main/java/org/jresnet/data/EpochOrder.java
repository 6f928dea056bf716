package org.jresnet.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.UserError;
import org.jresnet.data.Loader.Order;
import org.jresnet.data.shards.Shards;

/**
 * In which order one process sees the images of an epoch: a function of seed, epoch and {@link
 * Shuffle} alone.
 */
final class EpochOrder {
  private final List<Sample> samples;
  private final Order order;
  private final Shuffle shuffle;

  /** The samples of each shard in the order of their bytes; empty without windows. */
  private final int[][] shards;

  /**
   * Prepares.
   *
   * @throws UserError when images are to be shuffled within windows and do not lie in shards
   */
  EpochOrder(List<Sample> samples, Order order, Shuffle shuffle) {
    this.samples = samples;
    this.order = order;
    this.shuffle = shuffle;
    shards = shuffle.window() == 0 ? new int[0][] : shards(samples);
  }

  private static int[][] shards(List<Sample> samples) {
    long[] at = samples.stream().mapToLong(s -> Shards.position(s.file())).toArray();
    Integer[] sorted = IntStream.range(0, at.length).boxed().toArray(Integer[]::new);
    Arrays.sort(sorted, Comparator.comparingLong(i -> at[i]));
    if (at.length > 0 && at[sorted[0]] < 0) {
      throw new UserError(
          "a shuffle window needs images in shards, and "
              + samples.get(sorted[0]).file()
              + " is a file of its own; pack the folder with jresnet pack, or leave"
              + " --shuffle-window out");
    }
    List<int[]> shards = new ArrayList<>();
    for (int from = 0, to; from < sorted.length; from = to) {
      int shard = Shards.shard(at[sorted[from]]);
      to = from + 1;
      while (to < sorted.length && Shards.shard(at[sorted[to]]) == shard) {
        to++;
      }
      shards.add(Arrays.stream(sorted, from, to).mapToInt(i -> i).toArray());
    }
    return shards.toArray(int[][]::new);
  }

  /** Images of this process in an epoch: in training, as many as every other has. */
  int length() {
    return order == Order.SHUFFLED
        ? samples.size() / shuffle.ranks()
        : start(shuffle.rank() + 1) - start(shuffle.rank());
  }

  /** Where a process' share of an order that is not shuffled begins. */
  private int start(int rank) {
    return (int) ((long) rank * samples.size() / shuffle.ranks());
  }

  /** Indices of the samples. */
  int[] of(long seed, int epoch) {
    if (order == Order.SEQUENTIAL) {
      return IntStream.range(start(shuffle.rank()), start(shuffle.rank() + 1)).toArray();
    }
    return shuffle.window() == 0 ? whole(seed, epoch) : windows(seed, epoch);
  }

  /** Every so manieth of a permutation: together, the ranks' batches are one large batch of it. */
  private int[] whole(long seed, int epoch) {
    int[] all = RandomStreams.permutation(samples.size(), RandomStreams.of(seed, "shuffle", epoch));
    return shuffle.ranks() == 1
        ? all
        : IntStream.range(0, length())
            .map(i -> all[i * shuffle.ranks() + shuffle.rank()])
            .toArray();
  }

  /** A stretch of the shards in random order, shuffled window by window. */
  private int[] windows(long seed, int epoch) {
    int[] shardOrder =
        RandomStreams.permutation(shards.length, RandomStreams.of(seed, "shards", epoch));
    int[] lying = Arrays.stream(shardOrder).flatMap(s -> Arrays.stream(shards[s])).toArray();
    int start = length() * shuffle.rank();
    int[] own = Arrays.copyOfRange(lying, start, start + length());
    for (int from = 0; from < own.length; from += shuffle.window()) {
      int count = Math.min(shuffle.window(), own.length - from);
      SplittableRandom random = RandomStreams.of(seed, "window", epoch, start + from);
      int[] window = Arrays.copyOfRange(own, from, from + count);
      int[] permutation = RandomStreams.permutation(count, random);
      for (int i = 0; i < count; i++) {
        own[from + i] = window[permutation[i]];
      }
    }
    return own;
  }

  /**
   * The files of the window that begins at a position of an order; none where no window begins
   * there.
   */
  List<Path> window(int[] own, int position) {
    if (shuffle.window() == 0 || position % shuffle.window() != 0) {
      return List.of();
    }
    int to = (int) Math.min(own.length, (long) position + shuffle.window());
    return IntStream.range(Math.min(position, to), to)
        .mapToObj(i -> samples.get(own[i]).file())
        .toList();
  }
}
