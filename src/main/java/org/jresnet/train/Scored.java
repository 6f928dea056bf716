package org.jresnet.train;

import org.jresnet.data.Sample;

/**
 * What a model says of a labelled image.
 *
 * @param sample the image
 * @param logits one per class, finite
 * @param probabilities their softmax, uncalibrated
 */
public record Scored(Sample sample, double[] logits, double[] probabilities) {
  /** The most probable class, the first of equals. */
  public int predicted() {
    return Evaluator.best(probabilities);
  }
}
