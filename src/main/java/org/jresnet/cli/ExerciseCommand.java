package org.jresnet.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.inspect.exercise.Exercise;
import org.jresnet.inspect.exercise.Grade;
import org.jresnet.inspect.exercise.Grader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet exercise}. */
@Command(
    name = "exercise",
    sortOptions = false,
    description =
        "Write an op yourself: the first call puts a stub into a folder, the next ones compile what"
            + " you made of it, run it within a ResNet beside the reference, and grade it. Your"
            + " code runs with your rights. Exit code 1 until all checks pass.")
final class ExerciseCommand implements Callable<Integer> {
  @Parameters(
      arity = "0..1",
      paramLabel = "NAME",
      description = "The exercise; without it all are listed.")
  private String name;

  @Heading("Exercise")
  @Option(
      names = "--dir",
      defaultValue = "exercises",
      paramLabel = "DIR",
      description = "Folder of your classes.")
  private Path folder;

  @Option(
      names = "--limit",
      defaultValue = "120",
      paramLabel = "SECONDS",
      description = "Ends code that takes longer.")
  @Within(min = 1, max = 86_400)
  private int limit;

  @Option(names = "--json", description = "Print the grade as a JSON object, too.")
  private boolean json;

  @Override
  public Integer call() {
    Console console = new Console(json);
    if (name == null) {
      Exercise.all().forEach(e -> list(console, e));
      return 0;
    }
    Exercise exercise = UsageError.unlessValid(() -> Exercise.of(name));
    Path file = folder.resolve(exercise.file());
    if (!Files.exists(file)) {
      write(console, exercise, file);
      return 0;
    }
    Grade grade = Grader.grade(exercise, file, Duration.ofSeconds(limit));
    report(console, exercise, grade);
    return grade.passed() ? 0 : 1;
  }

  private static void list(Console console, Exercise e) {
    console.print("%-10s %-48s docs/course/%s", e.id(), e.title(), e.lesson());
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("exercise", e.id());
    values.put("title", e.title());
    values.put("lesson", e.lesson());
    console.object(values);
  }

  private static void write(Console console, Exercise exercise, Path file) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw new UserError(
          Text.format(
              "cannot make the folder %s: %s; name another with --dir", file.getParent(), e),
          e);
    }
    AtomicFile.write(file, exercise.stub());
    console.print("Wrote %s: %s", file, exercise.title());
    console.print("Fill its methods in, then run the same command again to have it graded.");
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("exercise", exercise.id());
    values.put("wrote", file.toString());
    console.object(values);
  }

  private static void report(Console console, Exercise exercise, Grade grade) {
    for (Grade.Check check : grade.checks()) {
      console.print("%s %s", check.passed() ? "ok   " : "WRONG", check.name());
      check.problem().ifPresent(p -> console.print("      %s", p));
      check.hint().ifPresent(h -> console.print("      hint: %s", h));
    }
    int missing = grade.tests() - grade.checks().size();
    if (missing > 0) {
      console.print("      not reached: %s", Text.count(missing, "check"));
    }
    grade.remarks().forEach(r -> console.print("%s", r));
    console.print(
        "Grade: %d of %s passed%s",
        grade.points(), Text.count(grade.tests(), "check"), grade.passed() ? ". Well done." : "");
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("exercise", exercise.id());
    values.put("passed", grade.passed());
    values.put("points", grade.points());
    values.put("of", grade.tests());
    values.put("checks", grade.checks().stream().map(ExerciseCommand::values).toList());
    values.put("remarks", List.copyOf(grade.remarks()));
    console.object(values);
  }

  private static Map<String, Object> values(Grade.Check check) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("name", check.name());
    values.put("passed", check.passed());
    values.put("problem", check.problem().orElse(null));
    values.put("hint", check.hint().orElse(null));
    return values;
  }
}
