package org.jresnet.inspect.lab;

/** Sums over arrays, in double precision. */
final class Vectors {
  private Vectors() {}

  static double dot(float[] a, float[] b) {
    return dot(a, b, 0, a.length);
  }

  static double dot(float[] a, float[] b, int from, int count) {
    double sum = 0;
    for (int i = from; i < from + count; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  static double norm(float[] a) {
    return Math.sqrt(dot(a, a));
  }

  static float[] minus(float[] a, float[] b) {
    float[] difference = new float[a.length];
    for (int i = 0; i < a.length; i++) {
      difference[i] = a[i] - b[i];
    }
    return difference;
  }

  /** 0, 1, 2 … for charts. */
  static double[] numbers(int count) {
    double[] numbers = new double[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = i;
    }
    return numbers;
  }
}
