package org.jresnet.train;

import java.util.List;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * What a classifier says of an image.
 *
 * @param classes class names
 * @param probabilities one per class, in the same order; their sum is 1
 * @param preprocessMillis decoding and resizing
 * @param inferenceMillis from pixels to logits, the median of the last runs
 */
public record Prediction(
    List<String> classes, double[] probabilities, double preprocessMillis, double inferenceMillis) {
  /** Copies the list. */
  public Prediction {
    classes = List.copyOf(classes);
  }

  /** Index of the most probable class, the first of equals. */
  public int best() {
    return Evaluator.best(probabilities);
  }

  /** Name of the most probable class. */
  public String label() {
    return classes.get(best());
  }

  /** Probability of the most probable class. */
  public double probability() {
    return probabilities[best()];
  }

  /**
   * Probability of a class.
   *
   * @throws UserError when the model does not know it
   */
  public double probability(String name) {
    int index = classes.indexOf(name);
    if (index < 0) {
      throw new UserError(Text.format("no class is named '%s'; there are %s", name, classes));
    }
    return probabilities[index];
  }
}
