package org.jresnet.train;

/**
 * What each place of an image contributes, at the resolution of a node's output.
 *
 * @param node the node that it was computed at
 * @param height rows
 * @param width columns
 * @param values row by row, none below 0
 */
public record HeatMap(String node, int height, int width, float[] values) {
  /** Checks the number of values. */
  public HeatMap {
    if (values.length != height * width) {
      throw new IllegalArgumentException(
          "a map of %dx%d cannot have %d values".formatted(height, width, values.length));
    }
  }

  /**
   * Grad-CAM: {@code max(0, Σₖ wₖ·Aₖ)} with the channels {@code Aₖ} of a node's output, each
   * weighted by the mean of the gradient by it (Selvaraju et al. 2017, <a
   * href="https://arxiv.org/abs/1610.02391">arXiv:1610.02391</a>, equations 1 and 2).
   *
   * @param output of the node
   * @param gradient of a class's logit by it
   */
  public static HeatMap gradCam(FeatureMap output, FeatureMap gradient) {
    int h = output.shape().h();
    int w = output.shape().w();
    int c = output.shape().c();
    double[] weights = new double[c];
    for (int i = 0; i < gradient.values().length; i++) {
      weights[i % c] += gradient.values()[i] / ((double) h * w);
    }
    float[] map = new float[h * w];
    for (int at = 0; at < map.length; at++) {
      double sum = 0;
      for (int k = 0; k < c; k++) {
        sum += weights[k] * output.values()[at * c + k];
      }
      map[at] = (float) Math.max(0, sum);
    }
    return new HeatMap(output.node(), h, w, map);
  }

  /** The value at a row and column. */
  public float at(int row, int column) {
    return values[row * width + column];
  }

  /** The largest value; 0 where nothing speaks for the class. */
  public float largest() {
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, value);
    }
    return largest;
  }

  /** Index of the first largest value. */
  public int peak() {
    int peak = 0;
    for (int i = 1; i < values.length; i++) {
      peak = values[i] > values[peak] ? i : peak;
    }
    return peak;
  }

  /**
   * The map at another resolution, bilinear between the centres of its cells, as PyTorch's {@code
   * interpolate(mode="bilinear", align_corners=False)} does it.
   */
  public HeatMap resized(int rows, int columns) {
    float[] out = new float[rows * columns];
    for (int y = 0; y < rows; y++) {
      double v = Math.max(0, (y + 0.5) * height / rows - 0.5);
      int top = (int) v;
      int bottom = Math.min(height - 1, top + 1);
      for (int x = 0; x < columns; x++) {
        double u = Math.max(0, (x + 0.5) * width / columns - 0.5);
        int left = (int) u;
        int right = Math.min(width - 1, left + 1);
        double above = at(top, left) + (u - left) * (at(top, right) - at(top, left));
        double below = at(bottom, left) + (u - left) * (at(bottom, right) - at(bottom, left));
        out[y * columns + x] = (float) (above + (v - top) * (below - above));
      }
    }
    return new HeatMap(node, rows, columns, out);
  }
}
