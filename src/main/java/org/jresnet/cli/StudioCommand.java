package org.jresnet.cli;

import java.awt.Desktop;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jresnet.data.ImageFolder;
import org.jresnet.serve.studio.Studio;
import org.jresnet.serve.studio.StudioOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet studio}. */
@Command(
    name = "studio",
    sortOptions = false,
    description = {
      "Opens pages in your browser that show runs while they train, the network, and one step of it forward and backward with its real numbers.",
      "Only this machine reaches them, with the address that is printed. Ctrl-C ends it."
    })
final class StudioCommand implements Callable<Integer> {
  @Parameters(
      arity = "0..1",
      paramLabel = "PATH",
      defaultValue = "runs",
      description = "A run folder, a folder that holds runs, or a recording of jresnet record.")
  private String path;

  @Heading("Server")
  @Option(names = "--port", defaultValue = "0", description = "0 takes any that is free.")
  @Within(min = 0, max = 65_535)
  private int port;

  @Option(names = "--no-browser", description = "Only print the address.")
  private boolean noBrowser;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() throws InterruptedException {
    Console console = new Console(false);
    Path root = ImageFolder.expand(path);
    StudioOptions options =
        new StudioOptions(root, port, () -> backendOptions.open(console), StudioCommand::process);
    Studio studio = Studio.start(options);
    // Ctrl-C ends the process through this; recordings that were made are deleted then.
    Runtime.getRuntime().addShutdownHook(new Thread(studio::close));
    console.print("The studio is open at %s", studio.address());
    console.print("Ctrl-C ends it; trainings that it resumed go on");
    if (!noBrowser) {
      show(studio.address(), console);
    }
    new CountDownLatch(1).await();
    return 0;
  }

  /** A process of this same program. */
  private static ProcessBuilder process(List<String> arguments) {
    List<String> line = ChildRuns.program();
    line.addAll(arguments);
    return new ProcessBuilder(line);
  }

  private static void show(String address, Console console) {
    try {
      if (Desktop.isDesktopSupported() && Desktop.getDesktop().isSupported(Desktop.Action.BROWSE)) {
        Desktop.getDesktop().browse(URI.create(address));
        return;
      }
      new ProcessBuilder(List.of("xdg-open", address))
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start();
    } catch (IOException | RuntimeException | LinkageError e) {
      console.note("no browser could be opened here; open the address yourself");
    }
  }
}
