package org.jresnet.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import picocli.CommandLine;

/**
 * Runs the same command again in processes of their own, one after the other. OpenMP reads the
 * number of threads once, so one process cannot measure two.
 */
final class ChildRuns {
  private static final String THREADS = "--threads";

  private ChildRuns() {}

  /** Runs the command line once for each number; returns the worst exit code. */
  static int eachThreadCount(List<Integer> counts, CommandLine top) {
    int worst = 0;
    for (int count : counts) {
      worst = Math.max(worst, run(count, top.getParseResult().originalArgs()));
      Console.requireOutput();
    }
    return worst;
  }

  /** Runs a command line with a number of threads; returns its exit code. */
  static int run(int threads, List<String> arguments) {
    List<String> line = program();
    line.addAll(withThreads(arguments, threads));
    ProcessBuilder builder =
        new ProcessBuilder(line).inheritIO().redirectError(ProcessBuilder.Redirect.PIPE);
    if (threads == 0) {
      builder.environment().remove("OMP_NUM_THREADS");
    } else {
      builder.environment().put("OMP_NUM_THREADS", String.valueOf(threads));
    }
    try {
      Process child = builder.start();
      copyErrors(child.getErrorStream(), Console.err());
      return child.waitFor();
    } catch (IOException e) {
      throw new UserError(
          Text.format("java cannot be started again for --threads %s: %s", threads, e), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UserError(Text.format("interrupted while waiting for --threads %s", threads), e);
    }
  }

  /** Copies without Java's first line, which tells of the incubating Vector API. */
  static void copyErrors(InputStream from, OutputStream to) throws IOException {
    ByteArrayOutputStream first = new ByteArrayOutputStream();
    for (int b = from.read(); b >= 0; b = b == '\n' ? -1 : from.read()) {
      first.write(b);
    }
    if (!first.toString(UTF_8).startsWith("WARNING: Using incubator modules: ")) {
      first.writeTo(to);
    }
    from.transferTo(to);
    to.flush();
  }

  /** What starts this program as a process, to which arguments are added. */
  static List<String> program() {
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    line.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    return line;
  }

  /** The arguments with another number of threads. */
  static List<String> withThreads(List<String> arguments, int threads) {
    return with(arguments, THREADS, String.valueOf(threads));
  }

  /** The arguments with another value of an option. */
  static List<String> with(List<String> arguments, String option, String value) {
    List<String> changed = new ArrayList<>();
    for (int i = 0; i < arguments.size(); i++) {
      String argument = arguments.get(i);
      if (argument.equals(option)) {
        i++;
      } else if (!argument.startsWith(option + "=")) {
        changed.add(argument);
      }
    }
    changed.add(option + "=" + value);
    return changed;
  }
}
