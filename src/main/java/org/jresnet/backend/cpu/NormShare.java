package org.jresnet.backend.cpu;

import java.util.Arrays;
import org.jresnet.backend.cpu.vector.NormLoops;

/**
 * What one worker of a {@link HostNormPlan} has to itself: places for stretches of the tensors, and
 * two sums for each channel. Sums grow in single precision over some stretches, for each place of a
 * stretch apart, and are folded into sums of double precision then.
 */
final class NormShare {
  /** Stretches that are added up in single precision before their sum goes on in double. */
  private static final int FOLD = 16;

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

  /** Stretches in the parts. */
  private int since;

  /** Pixels of moments: all, and those in the sums. */
  private long pixels;

  private long folded;

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

  /** Begins new sums. */
  void clear() {
    clearParts();
    Arrays.fill(sum, 0);
    Arrays.fill(otherSum, 0);
    pixels = 0;
    folded = 0;
  }

  /** Counts a stretch that was added to the parts. */
  void added() {
    if (++since == FOLD) {
      fold();
    }
  }

  /** Folds what is in the parts. */
  void fold() {
    for (int start = 0; start < part.length; start += c) {
      for (int k = 0; k < c; k++) {
        sum[k] += part[start + k];
        otherSum[k] += otherPart[start + k];
      }
    }
    clearParts();
  }

  /** Makes the first pixel of {@link #x} the shift of the first stretch: it is near enough. */
  void shift() {
    if (pixels == 0) {
      System.arraycopy(x.values, 0, shift, 0, c);
      repeat(shift, shifts);
    }
  }

  /** Counts pixels whose moments were added to the parts; the first stretch is folded at once. */
  void addedMoments(int count) {
    boolean first = pixels == 0;
    pixels += count;
    if (++since == FOLD || first) {
      foldMoments();
    }
  }

  /**
   * Folds moments of pixels from which the shifts were subtracted to sums of values and of squares.
   * In double precision, their difference loses nothing that counts. The next shifts are the means.
   */
  void foldMoments() {
    long count = pixels - folded;
    if (count == 0) {
      return;
    }
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
      shift[k] = (float) (sum[k] / pixels);
    }
    repeat(shift, shifts);
    folded = pixels;
    clearParts();
  }

  private void clearParts() {
    Arrays.fill(part, 0);
    Arrays.fill(otherPart, 0);
    since = 0;
  }
}
