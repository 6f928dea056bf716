package org.jresnet.detect;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jresnet.base.RandomStreams;
import org.jresnet.data.Degradation;
import org.jresnet.data.RgbImage;
import org.jresnet.train.Classifier;
import org.jresnet.train.Prediction;

/**
 * Whether a verdict survives changes that a person hardly sees, see {@link Degradation#MILD}.
 *
 * @param label the verdict on the image as it is
 * @param changes what each change made of it
 */
public record Stability(String label, List<Change> changes) {
  private static final long SEED = 1;

  /**
   * A change and what came of it.
   *
   * @param degradation what was done
   * @param label the verdict after it
   * @param probability of the class of the verdict on the image as it is
   */
  public record Change(Degradation degradation, String label, double probability) {}

  /** Copies the list. */
  public Stability {
    changes = List.copyOf(changes);
  }

  /**
   * Tries all mild changes on an image; the same image gives the same answer.
   *
   * @param before what the model says of the image as it is
   * @param verdict the class that is called, such as at an operating point
   */
  public static Stability of(
      Classifier classifier,
      RgbImage image,
      Prediction before,
      Function<Prediction, String> verdict) {
    String label = verdict.apply(before);
    List<Change> changes = new ArrayList<>();
    for (Degradation d : Degradation.MILD) {
      Prediction after =
          classifier.predict(d.apply(image, RandomStreams.of(SEED, "stability", changes.size())));
      changes.add(new Change(d, verdict.apply(after), after.probability(label)));
    }
    return new Stability(label, changes);
  }

  /** Changes after which the verdict is another. */
  public List<Change> flips() {
    return changes.stream().filter(c -> !c.label().equals(label)).toList();
  }

  /** Smallest probability of the verdict's class. */
  public double lowest() {
    return changes.stream().mapToDouble(Change::probability).min().orElseThrow();
  }

  /** Largest probability of the verdict's class. */
  public double highest() {
    return changes.stream().mapToDouble(Change::probability).max().orElseThrow();
  }
}
