package org.jresnet.cli;

import java.io.PrintWriter;
import org.jresnet.base.UserError;
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
    abbreviateSynopsis = true,
    subcommands = {
      DemoCommand.class,
      TrainCommand.class,
      EvaluateCommand.class,
      PredictCommand.class,
      SummaryCommand.class,
      ConvertCommand.class,
      QuantizeCommand.class,
      BenchCommand.class,
      ProfileCommand.class,
      PlanCommand.class,
      DoctorCommand.class
    })
public final class Main implements Runnable {
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
      return new String[] {"jresnet " + number()};
    }

    static String number() {
      String version = Main.class.getPackage().getImplementationVersion();
      return version == null ? "development" : version;
    }
  }

  /** Runs a command and exits with its code. */
  public static void main(String[] arguments) {
    int code = run(arguments);
    System.out.flush();
    System.exit(code);
  }

  /** Runs a command and returns its exit code. */
  static int run(String... arguments) {
    Main main = new Main();
    CommandLine line = new CommandLine(main);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setExecutionExceptionHandler((e, command, parsed) -> main.report(e, command.getErr()));
    line.setExecutionStrategy(
        parsed -> {
          Console.verbose(main.verbose);
          return new CommandLine.RunLast().execute(parsed);
        });
    return line.execute(arguments);
  }

  private int report(Exception e, PrintWriter err) {
    if (e instanceof UserError || e instanceof UnsupportedOperationException) {
      err.println("jresnet: " + e.getMessage());
    } else {
      err.println(
          "jresnet: unexpected failure: " + e + (verbose ? "" : " (--verbose shows where)"));
    }
    if (verbose) {
      e.printStackTrace(err);
    }
    err.flush();
    return e instanceof UsageError ? 2 : 1;
  }

  @Override
  public void run() {
    CommandLine.usage(this, System.out);
  }
}
