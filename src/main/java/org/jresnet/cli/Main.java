package org.jresnet.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jresnet.base.Text;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** Entry point. */
@Command(
    name = "jresnet",
    description = "Residual networks in Java on oneDNN and cuDNN: fine-tune, evaluate, predict.",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    versionProvider = Main.Version.class,
    showDefaultValues = true,
    abbreviateSynopsis = true)
public final class Main implements Runnable {
  /** In the order of the help. */
  private static final List<Class<?>> COMMANDS =
      List.of(
          DemoCommand.class,
          AuditCommand.class,
          PackCommand.class,
          TrainCommand.class,
          EvaluateCommand.class,
          CompareCommand.class,
          MatrixCommand.class,
          PredictCommand.class,
          MergeCommand.class,
          ServeCommand.class,
          StudioCommand.class,
          SummaryCommand.class,
          LabCommand.class,
          RecordCommand.class,
          ConvertCommand.class,
          ExportCommand.class,
          FingerprintCommand.class,
          ReportCommand.class,
          ForensicBenchmarkCommand.class,
          QuantizeCommand.class,
          BundleCommand.class,
          VerifyCommand.class,
          BenchCommand.class,
          ProfileCommand.class,
          AtlasCommand.class,
          PlanCommand.class,
          CheckCommand.class,
          GradcheckCommand.class,
          ExerciseCommand.class,
          DoctorCommand.class);

  /** What {@code --verbose} does before a command runs: logging, and stack traces of failures. */
  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Show plan choices, and stack traces of failures.")
  private boolean verbose;

  /** Version from the jar's manifest. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"jresnet " + org.jresnet.base.Version.number()};
    }
  }

  /** Exit code when the reader of standard output went away: what shells show for SIGPIPE. */
  static final int CLOSED_PIPE = 141;

  /** Runs a command and exits with its code. */
  public static void main(String[] arguments) {
    System.setOut(StandardOutput.open());
    System.setErr(new PrintStream(new FileOutputStream(FileDescriptor.err), true, UTF_8));
    System.exit(run(arguments));
  }

  /** Runs a command and returns its exit code. */
  static int run(String... arguments) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    Thread.UncaughtExceptionHandler handler = Thread.getDefaultUncaughtExceptionHandler();
    AtomicInteger worst = new AtomicInteger();
    Main main = new Main();
    System.setOut(new GuardedStream(out));
    System.setErr(new GuardedStream(err));
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, thrown) -> worst.accumulateAndGet(main.report(thrown), Math::max));
    try {
      worst.accumulateAndGet(main.execute(arguments), Math::max);
      return checkOutput(worst.get());
    } finally {
      System.setOut(out);
      System.setErr(err);
      Thread.setDefaultUncaughtExceptionHandler(handler);
    }
  }

  /**
   * The commands, their options and how failures are reported.
   *
   * @param arguments where they begin with the name of a command, no other is read: that takes a
   *     hundredth of a second each
   */
  static CommandLine commandLine(Main main, String... arguments) {
    CommandLine line = new CommandLine(main);
    List<Class<?>> named =
        COMMANDS.stream()
            .filter(c -> arguments.length > 0 && name(c).equals(arguments[0]))
            .toList();
    (named.isEmpty() ? COMMANDS : named).forEach(line::addSubcommand);
    line.setOut(new PrintWriter(Console.out(), true, UTF_8));
    line.setErr(new PrintWriter(Console.err(), true, UTF_8));
    line.setCaseInsensitiveEnumValuesAllowed(true);
    // A file that is called @x among "folder/*" is a file, not a list of further arguments.
    line.setExpandAtFiles(false);
    line.setExecutionExceptionHandler((e, command, parsed) -> main.report(e));
    line.setParameterExceptionHandler((e, given) -> Usage.report(e));
    line.setExecutionStrategy(
        parsed -> {
          Console.verbose(main.verbose);
          Usage.requireKnown(parsed);
          Arguments.check(parsed);
          return new CommandLine.RunLast().execute(parsed);
        });
    Usage.group(line);
    return line;
  }

  private static String name(Class<?> command) {
    return command.getAnnotation(Command.class).name();
  }

  private int execute(String... arguments) {
    try {
      return commandLine(this, arguments).execute(arguments);
    } catch (Error e) {
      // Out of memory, out of stack, a library that is missing: picocli passes these on.
      return report(e);
    }
  }

  /** Results that could not be written are no success. */
  private static int checkOutput(int code) {
    PrintStream out = Console.out();
    if (!out.checkError()) {
      return code;
    }
    if (out instanceof StandardOutput standard && standard.closedByReader()) {
      return Math.max(code, CLOSED_PIPE);
    }
    String reason =
        out instanceof StandardOutput standard ? standard.failure().orElse("unknown") : "unknown";
    Console.error(
        Text.format(
            "standard output cannot be written (%s): what was printed there is incomplete; write "
                + "it to a disk that has room",
            reason));
    return Math.max(code, 1);
  }

  private int report(Throwable thrown) {
    if (thrown instanceof Console.OutputLost) {
      return 1;
    }
    Failure failure = Failure.of(thrown);
    Console.error(failure.lines().get(0));
    failure.lines().stream().skip(1).forEach(detail -> Console.printError("%s", detail));
    if (verbose) {
      Console.trace(thrown);
    }
    return failure.code();
  }

  @Override
  public void run() {
    CommandLine.usage(this, Console.out());
  }
}
