package org.jresnet.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jresnet.base.Text;
import org.jresnet.data.Augmentation;
import org.jresnet.train.PixelScale;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.jresnet.train.Training;

/** Recipes of others, under a name. What the user says himself is kept. */
final class Presets {
  private final Predicate<String> given;
  private final List<String> set = new ArrayList<>();
  private final List<String> kept = new ArrayList<>();

  private Presets(Predicate<String> given) {
    this.given = given;
  }

  /**
   * Sets what a preset says, and says it.
   *
   * @param augmentation as the options say, with the default flip
   * @param given whether an option was on the command line
   */
  static void apply(
      String name,
      Training training,
      Augmentation augmentation,
      Predicate<String> given,
      Console console) {
    Presets preset = new Presets(given);
    Recipe recipe = recipe(name);
    preset.set("--size", "224", () -> training.size(224));
    preset.set("--flip", "0", () -> training.augmentation(augmentation.withFlip(0)));
    preset.set("--pixels", recipe.pixels.id(), () -> training.pixels(recipe.pixels));
    preset.set("--batch", "32", () -> training.batch(32));
    preset.set("--optimizer", "adam", () -> training.optimizer(OptimizerOptions.Kind.ADAM));
    preset.set("--lr", String.valueOf(recipe.rate), () -> training.learningRate(recipe.rate));
    preset.set("--epochs", String.valueOf(recipe.epochs), () -> training.epochs(recipe.epochs));
    preset.set(
        "--split",
        recipe.train + "," + recipe.val + "," + recipe.test,
        () -> training.split(recipe.train, recipe.val, recipe.test));
    preset.set("--seed", "42", () -> training.seed(42));
    console.note(
        Text.format(
            "preset %s sets %s%s",
            name,
            String.join(" ", preset.set),
            preset.kept.isEmpty() ? "" : "; kept as you say: " + String.join(" ", preset.kept)));
    console.note(recipe.advice);
    if (recipe == Recipe.GANPRINTR && !given.test("--group")) {
      console.note(
          "the paper divides real faces by identity: without --group, images of one person may lie"
              + " on both sides of the split");
    }
  }

  private enum Recipe {
    SEED(
        PixelScale.IMAGENET,
        1e-3,
        100,
        0.8,
        0.2,
        0,
        "preset seed selects the best epoch on the part that it reports, so its accuracy is optimistic; the"
            + " default protocol reports a held-out test set instead"),
    GANPRINTR(
        PixelScale.UNIT,
        1e-4,
        20,
        0.5,
        0.2,
        0.3,
        "the figure of that protocol is the EER, which evaluate prints; two logits with softmax are its one"
            + " sigmoid output, of their difference");

    private final PixelScale pixels;
    private final double rate;
    private final int epochs;
    private final double train;
    private final double val;
    private final double test;
    private final String advice;

    Recipe(
        PixelScale pixels,
        double rate,
        int epochs,
        double train,
        double val,
        double test,
        String advice) {
      this.pixels = pixels;
      this.rate = rate;
      this.epochs = epochs;
      this.train = train;
      this.val = val;
      this.test = test;
      this.advice = advice;
    }
  }

  private static Recipe recipe(String name) {
    for (Recipe recipe : Recipe.values()) {
      if (recipe.name().equalsIgnoreCase(name)) {
        return recipe;
      }
    }
    throw new UsageError(Text.format("unknown preset '%s'; known presets: seed, ganprintr", name));
  }

  private void set(String option, String value, Runnable change) {
    if (given.test(option)) {
      kept.add(option);
    } else {
      set.add(option + " " + value);
      change.run();
    }
  }
}
