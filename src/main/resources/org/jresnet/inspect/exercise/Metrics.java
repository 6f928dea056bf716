/**
 * Two figures of a detector. Fill the methods and run `./jresnet exercise metrics` again. The
 * lesson is docs/course/06-honest-evaluation.md.
 */
public class Metrics {
  /**
   * Area under the ROC curve: of all pairs of a positive and a negative example, the share in which
   * the positive one scores higher. A pair of equal scores counts half.
   *
   * @param scores one per example
   * @param positive whether each example is of the positive class; both classes have examples
   */
  static double auc(double[] scores, boolean[] positive) {
    throw new UnsupportedOperationException("TODO");
  }

  /**
   * Expected calibration error (Guo et al. 2017, arXiv:1706.04599): confidences are sorted into
   * equally wide bins, bin b holding what lies in (b/bins, (b+1)/bins]. The gap of a bin is the
   * distance between its mean confidence and its share of correct verdicts; the error is the mean
   * gap, each bin weighted by how many verdicts it holds.
   *
   * @param confidence probability that the detector gave to its verdict, above 0
   * @param correct whether each verdict was right
   * @param bins number of bins
   */
  static double calibrationError(double[] confidence, boolean[] correct, int bins) {
    throw new UnsupportedOperationException("TODO");
  }
}
