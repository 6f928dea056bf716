package org.jresnet.train;

import org.jresnet.data.Sample;

/**
 * What a model says of a labelled image.
 *
 * @param sample the image
 * @param probabilities one per class
 */
public record Scored(Sample sample, double[] probabilities) {
  /** The most probable class, the first of equals. */
  public int predicted() {
    return Evaluator.best(probabilities);
  }
}
