package org.jresnet.inspect.exercise;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * A class that a learner writes, and the tests that grade it.
 *
 * @param id what users write: {@code conv}
 * @param className name of the learner's class: {@code Conv}
 * @param title what is to be written
 * @param lesson the page of {@code docs/course} that leads to it
 * @param tests from the smallest to the whole network
 */
public record Exercise(
    String id, String className, String title, String lesson, Supplier<List<Test>> tests) {
  /**
   * One thing that is tested.
   *
   * @param name what a learner reads
   * @param body calls the learner's code; throws {@link Wrong}
   */
  public record Test(String name, Body body) {}

  /** What a test does. */
  public interface Body {
    /** Calls the learner's methods. */
    void run(Trial trial);
  }

  private static final List<Exercise> ALL =
      List.of(
          ConvExercise.exercise(),
          NormExercise.exercise(),
          ResidualExercise.exercise(),
          BackwardExercise.exercise(),
          AdamExercise.exercise(),
          MetricsExercise.exercise(),
          GradCamExercise.exercise(),
          FastExercise.exercise());

  /** Every exercise, in the order of lessons. */
  public static List<Exercise> all() {
    return ALL;
  }

  /**
   * The exercise of that name.
   *
   * @throws UserError listing the known names
   */
  public static Exercise of(String id) {
    return ALL.stream()
        .filter(e -> e.id.equals(id))
        .findFirst()
        .orElseThrow(
            () ->
                new UserError(
                    Text.format(
                        "unknown exercise '%s'; known: %s",
                        id, ALL.stream().map(Exercise::id).collect(Collectors.joining(", ")))));
  }

  /** Name of the learner's file. */
  public String file() {
    return className + ".java";
  }

  /** What the learner starts from. */
  public String stub() {
    try (InputStream in = Exercise.class.getResourceAsStream(file())) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
