package org.jresnet.backend;

import org.jresnet.loss.Objective;

/**
 * An objective over the outputs {@code z} of a batch.
 *
 * @param n images
 * @param outputs values per image; with labels, the number of classes
 * @param objective what is computed
 */
public record LossSpec(int n, int outputs, Objective objective) {
  /** Checks that class weights fit. */
  public LossSpec {
    if (objective instanceof Objective.CrossEntropy c
        && !c.classWeights().isEmpty()
        && c.classWeights().size() != outputs) {
      throw new IllegalArgumentException(
          "expected " + outputs + " class weights, found " + c.classWeights().size());
    }
  }

  /**
   * Refuses labels that do not fit.
   *
   * @throws IllegalArgumentException when the objective takes none, there are not {@link #n}, or
   *     one is not a class
   */
  public void require(int[] labels) {
    requireGiven(Objective.Given.LABELS, labels.length, n);
    for (int i = 0; i < n; i++) {
      if (labels[i] < 0 || labels[i] >= outputs) {
        throw new IllegalArgumentException(
            "label " + labels[i] + " of image " + i + " is not in 0.." + (outputs - 1));
      }
    }
  }

  /**
   * Refuses targets or a seed that do not fit.
   *
   * @throws IllegalArgumentException when the objective takes none, or there is not one for each
   *     output of each image
   */
  public void require(float[] values) {
    requireGiven(Objective.Given.VALUES, values.length, (long) n * outputs);
  }

  private void requireGiven(Objective.Given given, int found, long expected) {
    String kind = given == Objective.Given.LABELS ? "labels" : "values";
    if (objective.given() != given) {
      throw new IllegalArgumentException(
          objective + " takes " + objective.given() + ", found " + kind);
    }
    if (found != expected) {
      throw new IllegalArgumentException(
          "expected %d %s, found %d".formatted(expected, kind, found));
    }
  }
}
