package org.jresnet.inspect;

import java.nio.DoubleBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * What a tensor's values look like. All but {@code nonFinite} speaks of the finite ones; a tensor
 * without any has zeros everywhere.
 *
 * @param mean of the values
 * @param std population standard deviation
 * @param zeros share of values that are exactly 0
 * @param norm Euclidean length
 * @param min smallest value
 * @param max largest value
 * @param largest largest magnitude
 * @param nonFinite number of values that are infinite or NaN
 * @param histogram counts in {@value #BINS} bins of equal width from {@code min} to {@code max};
 *     all in the first where these are equal
 */
public record TensorStatistics(
    double mean,
    double std,
    double zeros,
    double norm,
    double min,
    double max,
    double largest,
    long nonFinite,
    List<Long> histogram) {
  /** Bins of a histogram. */
  public static final int BINS = 64;

  /** Numbers of a row of a recording: all in their order, then the bins. */
  static final int ROW = 8 + BINS;

  /** Copies the histogram. */
  public TensorStatistics {
    histogram = List.copyOf(histogram);
    if (histogram.size() != BINS) {
      throw new IllegalArgumentException(
          "a histogram has " + BINS + " bins, found " + histogram.size());
    }
  }

  /** The statistics of some values. */
  public static TensorStatistics of(float[] values) {
    long finite = 0;
    long zero = 0;
    double sum = 0;
    double squares = 0;
    double min = Double.POSITIVE_INFINITY;
    double max = Double.NEGATIVE_INFINITY;
    for (float v : values) {
      if (!Float.isFinite(v)) {
        continue;
      }
      finite++;
      zero += v == 0 ? 1 : 0;
      sum += v;
      squares += (double) v * v;
      min = Math.min(min, v);
      max = Math.max(max, v);
    }
    if (finite == 0) {
      return new TensorStatistics(0, 0, 0, 0, 0, 0, 0, values.length, bins(new long[BINS]));
    }
    double mean = sum / finite;
    // Around the mean: of large values that differ little, squares minus a square keep nothing.
    double deviations = 0;
    long[] counts = new long[BINS];
    double scale = max > min ? BINS / (max - min) : 0;
    for (float v : values) {
      if (Float.isFinite(v)) {
        deviations += (v - mean) * (v - mean);
        counts[(int) Math.min(BINS - 1, (v - min) * scale)]++;
      }
    }
    return new TensorStatistics(
        mean,
        Math.sqrt(deviations / finite),
        (double) zero / finite,
        Math.sqrt(squares),
        min,
        max,
        Math.max(Math.abs(min), Math.abs(max)),
        values.length - finite,
        bins(counts));
  }

  /** As a row of a recording. */
  void into(DoubleBuffer row) {
    row.put(mean).put(std).put(zeros).put(norm).put(min).put(max).put(largest).put(nonFinite);
    histogram.forEach(row::put);
  }

  /** From a row of a recording. */
  static TensorStatistics of(DoubleBuffer row) {
    double[] numbers = new double[8];
    row.get(numbers);
    List<Long> bins = new ArrayList<>(BINS);
    for (int b = 0; b < BINS; b++) {
      bins.add((long) row.get());
    }
    return new TensorStatistics(
        numbers[0],
        numbers[1],
        numbers[2],
        numbers[3],
        numbers[4],
        numbers[5],
        numbers[6],
        (long) numbers[7],
        bins);
  }

  private static List<Long> bins(long[] counts) {
    List<Long> list = new ArrayList<>(counts.length);
    for (long count : counts) {
      list.add(count);
    }
    return list;
  }
}
