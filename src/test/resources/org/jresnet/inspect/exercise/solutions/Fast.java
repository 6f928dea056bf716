/** A solution of the exercise fast. */
public class Fast {
  static void forward(
      float[] x,
      float[] w,
      float[] y,
      int images,
      int rows,
      int columns,
      int channels,
      int filters) {
    // Filters as [r][s][c][k]: the innermost loop then runs over neighbours in both arrays.
    float[] turned = new float[w.length];
    for (int k = 0; k < filters; k++) {
      for (int c = 0; c < channels; c++) {
        for (int tap = 0; tap < 9; tap++) {
          turned[(tap * channels + c) * filters + k] = w[(k * channels + c) * 9 + tap];
        }
      }
    }
    for (int n = 0; n < images; n++) {
      for (int p = 0; p < rows; p++) {
        for (int q = 0; q < columns; q++) {
          int out = ((n * rows + p) * columns + q) * filters;
          for (int tap = 0; tap < 9; tap++) {
            int h = p + tap / 3 - 1;
            int v = q + tap % 3 - 1;
            if (h >= 0 && h < rows && v >= 0 && v < columns) {
              int in = ((n * rows + h) * columns + v) * channels;
              add(x, in, channels, turned, tap * channels * filters, y, out, filters);
            }
          }
        }
      }
    }
  }

  /** y[out + k] += sum over c of x[in + c] * w[from + c * filters + k] */
  private static void add(
      float[] x, int in, int channels, float[] w, int from, float[] y, int out, int filters) {
    int c = 0;
    // Four channels at a time: y is read and written once for four products.
    for (; c + 4 <= channels; c += 4) {
      float x0 = x[in + c];
      float x1 = x[in + c + 1];
      float x2 = x[in + c + 2];
      float x3 = x[in + c + 3];
      int w0 = from + c * filters;
      int w1 = w0 + filters;
      int w2 = w1 + filters;
      int w3 = w2 + filters;
      for (int k = 0; k < filters; k++) {
        y[out + k] += x0 * w[w0 + k] + x1 * w[w1 + k] + x2 * w[w2 + k] + x3 * w[w3 + k];
      }
    }
    for (; c < channels; c++) {
      for (int k = 0; k < filters; k++) {
        y[out + k] += x[in + c] * w[from + c * filters + k];
      }
    }
  }
}
