package org.jresnet.metrics;

/**
 * The orthonormal cosine transform (DCT-II) of a plane and its inverse (DCT-III): the Fourier
 * transform of the plane continued by its mirror images, so that edges that do not meet make no
 * frequencies of their own. Coefficient (u, v) of a plane of h rows and w columns has u/2h cycles
 * per pixel along the columns and v/2w along the rows.
 */
public final class CosineTransform {
  private final double[][] rows;
  private final double[][] columns;

  /** For planes of that many rows and columns. */
  public CosineTransform(int height, int width) {
    rows = basis(height);
    columns = height == width ? rows : basis(width);
  }

  /** Row k holds the k-th cosine. */
  private static double[][] basis(int n) {
    double[][] basis = new double[n][n];
    for (int k = 0; k < n; k++) {
      double scale = Math.sqrt((k == 0 ? 1.0 : 2.0) / n);
      for (int i = 0; i < n; i++) {
        basis[k][i] = scale * Math.cos(Math.PI * (i + 0.5) * k / n);
      }
    }
    return basis;
  }

  /** The coefficients, row by row. */
  public double[] forward(double[] plane) {
    int h = rows.length;
    int w = columns.length;
    double[] across = new double[h * w];
    for (int y = 0; y < h; y++) {
      for (int v = 0; v < w; v++) {
        double sum = 0;
        for (int x = 0; x < w; x++) {
          sum += columns[v][x] * plane[y * w + x];
        }
        across[y * w + v] = sum;
      }
    }
    double[] out = new double[h * w];
    for (int u = 0; u < h; u++) {
      for (int y = 0; y < h; y++) {
        add(out, u * w, rows[u][y], across, y * w, w);
      }
    }
    return out;
  }

  /** The plane that has these coefficients. */
  public double[] inverse(double[] coefficients) {
    int h = rows.length;
    int w = columns.length;
    double[] across = new double[h * w];
    for (int u = 0; u < h; u++) {
      for (int v = 0; v < w; v++) {
        add(across, u * w, coefficients[u * w + v], columns[v], 0, w);
      }
    }
    double[] out = new double[h * w];
    for (int y = 0; y < h; y++) {
      for (int u = 0; u < h; u++) {
        add(out, y * w, rows[u][y], across, u * w, w);
      }
    }
    return out;
  }

  /** Adds {@code factor} times {@code count} values. */
  private static void add(
      double[] to, int atTo, double factor, double[] from, int atFrom, int count) {
    for (int i = 0; i < count; i++) {
      to[atTo + i] += factor * from[atFrom + i];
    }
  }
}
