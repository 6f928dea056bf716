package org.jresnet.backend.cpu;

import java.util.Arrays;
import org.jresnet.backend.cpu.vector.NormLoops;

/**
 * What one worker of a {@link HostNormPlan} has to itself: places for stretches of the tensors, and
 * two sums for each channel. Sums grow in single precision over some stretches, for each place of a
 * stretch apart, and are folded into sums of double precision then.
 */
final class NormShare {
  final HostTensor.Row x;
  final HostTensor.Row y;
  final HostTensor.Row dy;
  final float[] part;
  final float[] otherPart;
  final double[] sum;
  final double[] otherSum;

  /** What {@link NormLoops#addMoments} subtracts, repeated for the pixels of a stretch. */
  final float[] shifts;

  private final float[] shift;
  private final int c;

  /**
   * Makes room.
   *
   * @param c channels
   * @param run pixels of a stretch
   */
  NormShare(int c, int run) {
    this.c = c;
    x = new HostTensor.Row(run * c);
    y = new HostTensor.Row(run * c);
    dy = new HostTensor.Row(run * c);
    part = new float[run * c];
    otherPart = new float[run * c];
    shifts = new float[run * c];
    sum = new double[c];
    otherSum = new double[c];
    shift = new float[c];
  }

  /** Repeats a value for each channel until the array is full. */
  static void repeat(float[] values, float[] into) {
    for (int start = 0; start < into.length; start += values.length) {
      System.arraycopy(values, 0, into, start, values.length);
    }
  }

  /** Makes the first values the shifts of what follows. */
  void shiftBy(float[] values) {
    System.arraycopy(values, 0, shift, 0, c);
    repeat(shift, shifts);
  }

  void clear() {
    Arrays.fill(part, 0);
    Arrays.fill(otherPart, 0);
    Arrays.fill(sum, 0);
    Arrays.fill(otherSum, 0);
  }

  void fold() {
    for (int start = 0; start < part.length; start += c) {
      for (int k = 0; k < c; k++) {
        sum[k] += part[start + k];
        otherSum[k] += otherPart[start + k];
      }
    }
    Arrays.fill(part, 0);
    Arrays.fill(otherPart, 0);
  }

  /**
   * Adds the parts of {@code count} pixels, from which the shifts were subtracted, to the sums of
   * values and of squares. In double precision, their difference loses nothing that counts.
   *
   * @param all the pixels that the sums hold then
   */
  void foldMoments(long count, long all) {
    for (int start = 0; start < part.length; start += c) {
      for (int k = 0; k < c; k++) {
        double s = shift[k];
        sum[k] += part[start + k];
        otherSum[k] += otherPart[start + k] + 2 * s * part[start + k];
      }
    }
    for (int k = 0; k < c; k++) {
      double s = shift[k];
      sum[k] += count * s;
      otherSum[k] += count * s * s;
      shift[k] = (float) (sum[k] / all);
    }
    repeat(shift, shifts);
    Arrays.fill(part, 0);
    Arrays.fill(otherPart, 0);
  }
}
