/**
 * Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2). Fill the method and run
 * `./jresnet exercise gradcam` again.
 *
 * <pre>
 *   weight of channel k   a[k] = mean over all places of gradients[h][w][k]
 *   map                   m[h][w] = max(0, sum over k of a[k] * features[h][w][k])
 * </pre>
 *
 * The lesson is docs/course/07-detector.md.
 */
public class GradCam {
  /**
   * What each place says for a class.
   *
   * @param features output of a node for one image: rows, columns, channels
   * @param gradients of the class's logit by it
   * @return the map: rows, columns
   */
  static double[][] map(double[][][] features, double[][][] gradients) {
    throw new UnsupportedOperationException("TODO");
  }
}
