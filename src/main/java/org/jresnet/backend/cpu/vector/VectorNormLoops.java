package org.jresnet.backend.cpu.vector;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static org.jresnet.backend.cpu.vector.Products.LANES;
import static org.jresnet.backend.cpu.vector.Products.SPECIES;
import static org.jresnet.backend.cpu.vector.Products.load;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link NormLoops} over whole vectors: HotSpot gives a plain loop of some hundred values single
 * steps before and behind its vectors, and a maximum of floats six instructions. Products are
 * rounded before they are added, so the bits are those of plain loops.
 */
public final class VectorNormLoops implements NormLoops {
  private static final int SIGN = 31;

  private final PlainNormLoops plain = new PlainNormLoops();

  @Override
  public void addMoments(
      float[] sums, float[] squares, float[] x, float[] shifts, int from, int to) {
    Bounds.check(sums, from, to - from);
    Bounds.check(squares, from, to - from);
    Bounds.check(x, from, to - from);
    Bounds.check(shifts, from, to - from);
    int whole = from + SPECIES.loopBound(to - from);
    for (int i = from; i < whole; i += LANES) {
      FloatVector d = load(x, i).sub(load(shifts, i));
      load(sums, i).add(d).intoArray(sums, i);
      load(squares, i).add(d.mul(d)).intoArray(squares, i);
    }
    plain.addMoments(sums, squares, x, shifts, whole, to);
  }

  @Override
  public void normalise(
      float[] x, float[] y, float[] means, float[] scales, float[] shifts, int from, int to) {
    Bounds.check(x, from, to - from);
    Bounds.check(y, from, to - from);
    Bounds.check(means, from, to - from);
    Bounds.check(scales, from, to - from);
    Bounds.check(shifts, from, to - from);
    int whole = from + SPECIES.loopBound(to - from);
    for (int i = from; i < whole; i += LANES) {
      load(x, i).sub(load(means, i)).mul(load(scales, i)).add(load(shifts, i)).intoArray(y, i);
    }
    plain.normalise(x, y, means, scales, shifts, whole, to);
  }

  @Override
  public void add(float[] sums, float[] values, int from, int to) {
    Bounds.check(sums, from, to - from);
    Bounds.check(values, from, to - from);
    int whole = from + SPECIES.loopBound(to - from);
    for (int i = from; i < whole; i += LANES) {
      load(sums, i).add(load(values, i)).intoArray(sums, i);
    }
    plain.add(sums, values, whole, to);
  }

  @Override
  public void rectify(float[] values, int from, int to) {
    Bounds.check(values, from, to - from);
    int whole = from + SPECIES.loopBound(to - from);
    for (int i = from; i < whole; i += LANES) {
      FloatVector v = load(values, i);
      // NaN is not below 0 and stays.
      v.blend(0, v.compare(VectorOperators.LE, 0)).intoArray(values, i);
    }
    plain.rectify(values, whole, to);
  }

  @Override
  public void clip(float[] values, int from, int to) {
    Bounds.check(values, from, to - from);
    int whole = from + SPECIES.loopBound(to - from);
    for (int i = from; i < whole; i += LANES) {
      FloatVector v = load(values, i);
      v.blend(6, v.compare(VectorOperators.GT, 6)).intoArray(values, i);
    }
    plain.clip(values, whole, to);
  }

  @Override
  public void mask(float[] dy, float[] y, int from, int to) {
    Bounds.check(dy, from, to - from);
    Bounds.check(y, from, to - from);
    FloatVector zero = FloatVector.zero(SPECIES);
    int whole = from + SPECIES.loopBound(to - from);
    for (int i = from; i < whole; i += LANES) {
      keepNegative(dy, i, zero.sub(load(y, i)));
    }
    plain.mask(dy, y, whole, to);
  }

  @Override
  public void maskClipped(float[] dy, float[] y, int from, int to) {
    Bounds.check(dy, from, to - from);
    Bounds.check(y, from, to - from);
    int whole = from + SPECIES.loopBound(to - from);
    for (int i = from; i < whole; i += LANES) {
      keepNegative(dy, i, load(y, i).sub(6));
    }
    plain.maskClipped(dy, y, whole, to);
  }

  /** By the sign's bit: a comparison costs more in Java 17. */
  private static void keepNegative(float[] dy, int at, FloatVector difference) {
    IntVector all = difference.reinterpretAsInts().lanewise(ASHR, SIGN);
    load(dy, at).reinterpretAsInts().and(all).reinterpretAsFloats().intoArray(dy, at);
  }

  @Override
  public void addGradients(
      float[] sums, float[] products, float[] dy, float[] x, float[] means, int from, int to) {
    Bounds.check(sums, from, to - from);
    Bounds.check(products, from, to - from);
    Bounds.check(dy, from, to - from);
    Bounds.check(x, from, to - from);
    Bounds.check(means, from, to - from);
    int whole = from + SPECIES.loopBound(to - from);
    for (int i = from; i < whole; i += LANES) {
      FloatVector d = load(dy, i);
      load(sums, i).add(d).intoArray(sums, i);
      FloatVector centred = load(x, i).sub(load(means, i));
      load(products, i).add(d.mul(centred)).intoArray(products, i);
    }
    plain.addGradients(sums, products, dy, x, means, whole, to);
  }

  @Override
  public void gradient(
      float[] dy,
      float[] x,
      float[] means,
      float[] scales,
      float[] offsets,
      float[] slopes,
      int from,
      int to) {
    Bounds.check(dy, from, to - from);
    Bounds.check(x, from, to - from);
    Bounds.check(means, from, to - from);
    Bounds.check(scales, from, to - from);
    Bounds.check(offsets, from, to - from);
    Bounds.check(slopes, from, to - from);
    int whole = from + SPECIES.loopBound(to - from);
    for (int i = from; i < whole; i += LANES) {
      FloatVector centred = load(x, i).sub(load(means, i));
      load(dy, i)
          .sub(load(offsets, i))
          .sub(centred.mul(load(slopes, i)))
          .mul(load(scales, i))
          .intoArray(dy, i);
    }
    plain.gradient(dy, x, means, scales, offsets, slopes, whole, to);
  }
}
