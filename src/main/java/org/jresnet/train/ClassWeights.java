package org.jresnet.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;

/** What {@code --class-weights} means for a split. */
final class ClassWeights {
  private ClassWeights() {}

  /**
   * One factor of the loss per class; empty for {@code none}.
   *
   * @param text {@code none}, {@code balanced} (inverse to the share of the class), or numbers
   * @throws UserError when they are no positive numbers, or not one per class
   */
  static List<Double> of(String text, Split split) {
    if (text.equals("none")) {
      return List.of();
    }
    int k = split.classes().size();
    List<Sample> train = split.part(Part.TRAIN);
    if (text.equals("balanced")) {
      List<Double> weights = new ArrayList<>();
      for (int label = 0; label < k; label++) {
        int wanted = label;
        weights.add(
            (double) train.size() / k / train.stream().filter(s -> s.label() == wanted).count());
      }
      return weights;
    }
    try {
      List<Double> weights = Arrays.stream(text.split(",")).map(Double::valueOf).toList();
      if (weights.size() == k && weights.stream().allMatch(w -> w > 0)) {
        return weights;
      }
    } catch (NumberFormatException e) {
      // reported below
    }
    throw new UserError(
        Text.format(
            "class weights are none, balanced, or %s positive numbers separated by commas (for "
                + "%s), found '%s'",
            k, String.join(", ", split.classes()), text));
  }
}
