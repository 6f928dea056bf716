package org.jresnet.inspect;

/**
 * Singular values of a matrix: roots of the eigenvalues of {@code A·Aᵀ} or {@code Aᵀ·A}, whichever
 * is smaller, in double precision. Values below about 1e-8 of the largest are rounding.
 */
public final class SingularValues {
  private static final int MOST_SWEEPS = 30;

  private SingularValues() {}

  /**
   * The singular values, largest first.
   *
   * @param a {@code rows·columns} values, row by row
   */
  public static float[] of(float[] a, int rows, int columns) {
    double[][] gram = gram(a, rows, columns);
    double[] squares = eigenvalues(gram);
    java.util.Arrays.sort(squares);
    float[] values = new float[squares.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sqrt(Math.max(0, squares[values.length - 1 - i]));
    }
    return values;
  }

  private static double[][] gram(float[] a, int rows, int columns) {
    boolean wide = rows <= columns;
    int n = Math.min(rows, columns);
    double[][] gram = new double[n][n];
    if (wide) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
          double sum = 0;
          for (int c = 0; c < columns; c++) {
            sum += (double) a[i * columns + c] * a[j * columns + c];
          }
          gram[i][j] = sum;
          gram[j][i] = sum;
        }
      }
      return gram;
    }
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < n; i++) {
        double x = a[r * columns + i];
        for (int j = 0; j < n; j++) {
          gram[i][j] += x * a[r * columns + j];
        }
      }
    }
    return gram;
  }

  /**
   * Eigenvalues of a symmetric matrix: Householder's reflections make it tridiagonal, then implicit
   * QL steps with Wilkinson's shift make it diagonal (Golub and Van Loan, Matrix Computations,
   * 8.3).
   */
  private static double[] eigenvalues(double[][] a) {
    int n = a.length;
    double[] d = new double[n];
    double[] e = new double[n];
    tridiagonalize(a, d, e);
    for (int l = 0; l < n; l++) {
      for (int sweep = 0; ; sweep++) {
        int m = l;
        while (m < n - 1 && Math.abs(e[m]) > Math.ulp(Math.abs(d[m]) + Math.abs(d[m + 1])) / 2) {
          m++;
        }
        if (m == l) {
          break;
        }
        if (sweep == MOST_SWEEPS) {
          throw new ArithmeticException("eigenvalues do not converge; is a value not finite?");
        }
        step(d, e, l, m);
      }
    }
    return d;
  }

  /** Leaves the diagonal in {@code d} and what is beside it, from 0 on, in {@code e}. */
  private static void tridiagonalize(double[][] a, double[] d, double[] e) {
    int n = a.length;
    double[] v = new double[n];
    double[] p = new double[n];
    for (int k = 0; k < n - 2; k++) {
      double norm = 0;
      for (int i = k + 1; i < n; i++) {
        norm = Math.hypot(norm, a[i][k]);
      }
      if (norm == 0) {
        continue;
      }
      // v reflects the column below the diagonal onto its first place.
      double alpha = a[k + 1][k] > 0 ? -norm : norm;
      double length = 0;
      for (int i = k + 1; i < n; i++) {
        v[i] = a[i][k] - (i == k + 1 ? alpha : 0);
        length += v[i] * v[i];
      }
      double factor = 2 / length;
      double dot = 0;
      for (int i = k + 1; i < n; i++) {
        double sum = 0;
        for (int j = k + 1; j < n; j++) {
          sum += a[i][j] * v[j];
        }
        p[i] = factor * sum;
        dot += p[i] * v[i];
      }
      for (int i = k + 1; i < n; i++) {
        p[i] -= factor / 2 * dot * v[i];
      }
      for (int i = k + 1; i < n; i++) {
        for (int j = k + 1; j < n; j++) {
          a[i][j] -= v[i] * p[j] + p[i] * v[j];
        }
        a[i][k] = 0;
      }
      a[k + 1][k] = alpha;
    }
    for (int i = 0; i < n; i++) {
      d[i] = a[i][i];
      e[i] = i < n - 1 ? a[i + 1][i] : 0;
    }
  }

  /** One implicit QL step on the rows {@code l} to {@code m}. */
  private static void step(double[] d, double[] e, int l, int m) {
    double g = (d[l + 1] - d[l]) / (2 * e[l]);
    double shift = d[l] - e[l] / (g + Math.copySign(Math.hypot(g, 1), g));
    double sine = 1;
    double cosine = 1;
    double carried = 0;
    double bulge = d[m] - shift;
    for (int i = m - 1; i >= l; i--) {
      double f = sine * e[i];
      double b = cosine * e[i];
      double r = Math.hypot(f, bulge);
      e[i + 1] = r;
      if (r == 0) {
        d[i + 1] -= carried;
        e[m] = 0;
        return;
      }
      sine = f / r;
      cosine = bulge / r;
      double up = d[i + 1] - carried;
      double t = (d[i] - up) * sine + 2 * cosine * b;
      carried = sine * t;
      d[i + 1] = up + carried;
      bulge = cosine * t - b;
    }
    d[l] -= carried;
    e[l] = bulge;
    e[m] = 0;
  }
}
