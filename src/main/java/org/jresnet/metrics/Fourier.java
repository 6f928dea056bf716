package org.jresnet.metrics;

/**
 * The discrete Fourier transform of a square, by the radix-2 algorithm of Cooley and Tukey (1965):
 * {@code F(u, v) = Σ f(y, x)·exp(−2πi(uy + vx)/n)}, without a factor, and its inverse with {@code
 * 1/n²}. One object serves one thread.
 */
public final class Fourier {
  private final int n;
  private final double[] cos;
  private final double[] sin;
  private final int[] reversed;
  private final double[] re;
  private final double[] im;

  /**
   * For squares of that side.
   *
   * @param n a power of two, at least 2
   */
  public Fourier(int n) {
    if (n < 2 || Integer.bitCount(n) != 1) {
      throw new IllegalArgumentException("the side must be a power of two, found " + n);
    }
    this.n = n;
    cos = new double[n / 2];
    sin = new double[n / 2];
    reversed = new int[n];
    re = new double[n];
    im = new double[n];
    for (int i = 0; i < n / 2; i++) {
      cos[i] = StrictMath.cos(2 * Math.PI * i / n);
      sin[i] = -StrictMath.sin(2 * Math.PI * i / n);
    }
    int bits = Integer.numberOfTrailingZeros(n);
    for (int i = 0; i < n; i++) {
      reversed[i] = Integer.reverse(i) >>> (32 - bits);
    }
  }

  /** The side. */
  public int side() {
    return n;
  }

  /** Replaces a square, real and imaginary parts row by row, by its transform. */
  public void forward(double[] real, double[] imaginary) {
    for (int y = 0; y < n; y++) {
      line(real, imaginary, y * n, 1);
    }
    for (int x = 0; x < n; x++) {
      line(real, imaginary, x, n);
    }
  }

  /** Takes {@link #forward} back. */
  public void inverse(double[] real, double[] imaginary) {
    // The inverse is the transform with the parts exchanged.
    forward(imaginary, real);
    double scale = 1.0 / n / n;
    for (int i = 0; i < n * n; i++) {
      real[i] *= scale;
      imaginary[i] *= scale;
    }
  }

  /** Transforms the {@code n} values from {@code start} on, {@code step} apart. */
  private void line(double[] real, double[] imaginary, int start, int step) {
    for (int i = 0; i < n; i++) {
      re[reversed[i]] = real[start + i * step];
      im[reversed[i]] = imaginary[start + i * step];
    }
    for (int half = 1; half < n; half *= 2) {
      int stride = n / 2 / half;
      for (int first = 0; first < n; first += 2 * half) {
        for (int k = 0; k < half; k++) {
          int a = first + k;
          int b = a + half;
          double c = cos[k * stride];
          double s = sin[k * stride];
          double r = re[b] * c - im[b] * s;
          double j = re[b] * s + im[b] * c;
          re[b] = re[a] - r;
          im[b] = im[a] - j;
          re[a] += r;
          im[a] += j;
        }
      }
    }
    for (int i = 0; i < n; i++) {
      real[start + i * step] = re[i];
      imaginary[start + i * step] = im[i];
    }
  }
}
