package org.jresnet.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Random;
import org.jresnet.backend.cpu.vector.NormLoops;
import org.jresnet.backend.cpu.vector.PlainNormLoops;
import org.jresnet.backend.cpu.vector.VectorNormLoops;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Vectors give the bits of plain loops, and touch nothing outside their stretch. */
class NormLoopsTest {
  private static final int SIZE = 100;

  private final float[][] plain = new float[8][];
  private final float[][] vector = new float[8][];

  @ParameterizedTest
  @CsvSource({"0, 100", "0, 64", "0, 7", "3, 58", "17, 17", "1, 100"})
  void sameBitsInEveryLoop(int from, int to) {
    Random random = new Random(5);
    for (int k = 0; k < plain.length; k++) {
      plain[k] = new float[SIZE];
      for (int i = 0; i < SIZE; i++) {
        plain[k][i] = (float) (4 * random.nextGaussian() + 3);
      }
      plain[k][5] = 0;
      plain[k][20] = -0f;
      plain[k][30] = 6;
      plain[k][40] = Float.NEGATIVE_INFINITY;
      vector[k] = plain[k].clone();
    }
    both((l, a) -> l.addMoments(a[0], a[1], a[2], a[3], from, to));
    both((l, a) -> l.normalise(a[2], a[4], a[3], a[5], a[6], from, to));
    both((l, a) -> l.add(a[4], a[5], from, to));
    both((l, a) -> l.mask(a[5], a[4], from, to));
    both((l, a) -> l.maskClipped(a[6], a[4], from, to));
    both((l, a) -> l.rectify(a[4], from, to));
    both((l, a) -> l.clip(a[4], from, to));
    both((l, a) -> l.addGradients(a[0], a[1], a[5], a[2], a[3], from, to));
    both((l, a) -> l.gradient(a[5], a[2], a[3], a[4], a[6], a[7], from, to));
  }

  @Test
  void notANumberPassesReluAndRelu6() {
    for (NormLoops loops : new NormLoops[] {new PlainNormLoops(), new VectorNormLoops()}) {
      float[] values = new float[SIZE];
      Arrays.fill(values, Float.NaN);
      values[1] = Float.intBitsToFloat(0xFFC00000);
      loops.rectify(values, 0, SIZE);
      loops.clip(values, 0, SIZE);
      for (int i = 0; i < SIZE; i++) {
        assertEquals(Float.NaN, values[i], loops.getClass().getSimpleName() + " at " + i);
      }
    }
  }

  private void both(Loop loop) {
    loop.run(new PlainNormLoops(), plain);
    loop.run(new VectorNormLoops(), vector);
    for (int k = 0; k < plain.length; k++) {
      assertArrayEquals(plain[k], vector[k], "array " + k);
    }
  }

  private interface Loop {
    void run(NormLoops loops, float[][] arrays);
  }
}
