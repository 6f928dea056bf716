package org.jresnet.inspect.exercise;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.inspect.exercise.Grade.Check;

/** Runs the tests of an exercise over a learner's file. */
public final class Grader {
  private Grader() {}

  /**
   * Compiles and tests a file. The learner's code runs in this process with all its rights.
   *
   * @param limit for all tests together; a thread that does not end by then is left behind
   * @throws UserError when the file cannot be read or Java has no compiler
   */
  public static Grade grade(Exercise exercise, Path file, Duration limit) {
    requireCompiler();
    List<Exercise.Test> tests = exercise.tests().get();
    Trial trial;
    try {
      trial = new Trial(LearnerClass.compile(file, exercise.className()));
    } catch (Wrong e) {
      Check failed = new Check("compiles", Optional.of(e.getMessage()), e.hint());
      return new Grade(List.of(failed), tests.size(), List.of());
    }
    List<Check> checks = new ArrayList<>();
    long end = System.nanoTime() + limit.toNanos();
    for (int i = 0; i < tests.size(); i++) {
      boolean last = i == tests.size() - 1;
      if (last && !checks.stream().allMatch(Check::passed)) {
        // The last one is the whole network: what is wrong in a single call is easier to see there.
        break;
      }
      FutureTask<Check> task = task(tests.get(i), trial);
      Thread thread = new Thread(task, "exercise");
      thread.setDaemon(true);
      thread.start();
      try {
        checks.add(task.get(end - System.nanoTime(), TimeUnit.NANOSECONDS));
      } catch (TimeoutException e) {
        checks.add(unfinished(tests.get(i), trial.at(thread.getStackTrace()), limit));
        thread.interrupt();
        break;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      } catch (ExecutionException e) {
        throw new IllegalStateException(e.getCause());
      }
    }
    return new Grade(checks, tests.size(), trial.remarks());
  }

  /** Asked by name: the runtime of a bundle lacks the compiler's interface, too. */
  private static void requireCompiler() {
    if (ModuleLayer.boot().findModule("jdk.compiler").isEmpty()) {
      throw new UserError(
          Text.format(
              "this Java (%s) has no compiler: exercises need a JDK, not a JRE or a bundle (Debian,"
                  + " Ubuntu: apt install openjdk-17-jdk); set JAVA_HOME to one",
              System.getProperty("java.home")));
    }
  }

  private static FutureTask<Check> task(Exercise.Test test, Trial trial) {
    return new FutureTask<>(
        () -> {
          try {
            test.body().run(trial);
            return new Check(test.name(), Optional.empty(), Optional.empty());
          } catch (Wrong e) {
            return new Check(test.name(), Optional.of(e.getMessage()), e.hint());
          }
        });
  }

  private static Check unfinished(Exercise.Test test, String at, Duration limit) {
    return new Check(
        test.name(),
        Optional.of(
            Text.format(
                "not done after %d s%s", limit.toSeconds(), at.replace(", at", ", now at"))),
        Optional.of("does a loop never end? If your code is only slow, raise --limit"));
  }
}
