package org.jresnet.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.jresnet.base.UserError;

/**
 * What went wrong, for people: the lines to print and the exit code.
 *
 * @param code 1 failed, 2 wrong usage
 * @param lines what was found and what to do
 */
record Failure(int code, List<String> lines) {
  private static final int DEPTH = 20;

  /** Explains any failure, also one that a worker thread handed over as a cause. */
  static Failure of(Throwable thrown) {
    if (thrown instanceof UserError error) {
      List<String> lines = new ArrayList<>(List.of(String.valueOf(error.headline())));
      lines.addAll(error.details());
      return new Failure(error instanceof UsageError ? 2 : 1, lines);
    }
    if (thrown instanceof UnsupportedOperationException && thrown.getMessage() != null) {
      return new Failure(1, List.of(thrown.getMessage()));
    }
    return new Failure(
        1,
        List.of(
            chain(thrown)
                .filter(Error.class::isInstance)
                .findFirst()
                .flatMap(Failure::explain)
                .orElse("unexpected failure: " + thrown + " (--verbose shows where)")));
  }

  private static Stream<Throwable> chain(Throwable thrown) {
    return Stream.iterate(thrown, t -> t != null, Throwable::getCause).limit(DEPTH);
  }

  private static Optional<String> explain(Throwable error) {
    String found = String.valueOf(error.getMessage());
    if (error instanceof StackOverflowError) {
      return Optional.of(
          "something is nested too deeply for the stack of a thread, most likely a file that is"
              + " damaged or made to do harm; if you trust it, give more: JRESNET_OPTS=-Xss64m"
              + " ./jresnet ...");
    }
    if (error instanceof OutOfMemoryError) {
      return Optional.of(outOfMemory(found));
    }
    if (error instanceof LinkageError) {
      Throwable root = chain(error).reduce((first, second) -> second).orElse(error);
      return Optional.of(
          "a library that belongs to jresnet does not load: "
              + root
              + "; ./jresnet doctor tries them one by one. If the installation is damaged, delete"
              + " target and start ./jresnet again");
    }
    return Optional.empty();
  }

  private static String outOfMemory(String found) {
    String low = found.toLowerCase(Locale.ROOT);
    if (low.contains("thread")) {
      return "no further thread can be started ("
          + found
          + "): raise the limits of processes and memory (ulimit -u, ulimit -v), or use fewer"
          + " --threads and --loader-threads";
    }
    if (low.contains("heap") || low.contains("gc overhead") || low.contains("array size")) {
      return "the Java heap of "
          + (Runtime.getRuntime().maxMemory() >> 20)
          + " MB is too small ("
          + found
          + "): use a smaller --batch or --size, or give more: JRESNET_OPTS=-Xmx4g ./jresnet ...";
    }
    return "memory outside the Java heap ran out ("
        + found
        + "): use a smaller --batch or --size, or end other programs";
  }
}
