/**
 * Batch normalisation, forward. Fill both methods and run `./jresnet exercise norm` again.
 *
 * <p>Over the m = n*h*w values of each channel c:
 *
 * <pre>
 *   mean = sum(x) / m        var = sum((x - mean)^2) / m        xhat = (x - mean) / sqrt(var + eps)
 *   y = gamma * xhat + beta
 *   running = (1 - momentum) * running + momentum * (mean, or var * m / (m - 1))
 * </pre>
 *
 * The formula is derived in docs/derivations/batch-norm.md, the lesson is
 * docs/course/02-batch-norm.md.
 */
public class Norm {
  /**
   * A training step: normalises with the statistics of this batch and moves the running ones on.
   *
   * @param x images, rows, columns, channels
   * @param gamma factor of each channel
   * @param beta offset of each channel
   * @param runningMean changed in place
   * @param runningVar changed in place; it takes the unbiased variance, as PyTorch's does
   * @param momentum share of the new value in the running ones
   * @param eps keeps the root away from 0
   * @return y, of the shape of x
   */
  static double[][][][] train(
      double[][][][] x,
      double[] gamma,
      double[] beta,
      double[] runningMean,
      double[] runningVar,
      double momentum,
      double eps) {
    throw new UnsupportedOperationException("TODO");
  }

  /** Inference: normalises with the running statistics and leaves them as they are. */
  static double[][][][] infer(
      double[][][][] x,
      double[] gamma,
      double[] beta,
      double[] runningMean,
      double[] runningVar,
      double eps) {
    throw new UnsupportedOperationException("TODO");
  }
}
