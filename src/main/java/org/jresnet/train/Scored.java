package org.jresnet.train;

import org.jresnet.data.Sample;

/**
 * What a model says of a labelled image. Kept as the network gives it: with many classes and images
 * the rest is computed when it is needed.
 *
 * @param sample the image
 * @param logits one per class, finite
 */
public record Scored(Sample sample, float[] logits) {
  /** The logits in double precision. */
  double[] wide() {
    double[] wide = new double[logits.length];
    for (int k = 0; k < wide.length; k++) {
      wide[k] = logits[k];
    }
    return wide;
  }

  /** Their softmax, uncalibrated. */
  public double[] probabilities() {
    return Evaluator.softmax(logits, 0, logits.length);
  }

  /** The most probable class, the first of equals. */
  public int predicted() {
    return Evaluator.best(wide());
  }
}
