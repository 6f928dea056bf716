package org.jresnet.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.backend.Precision;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageFolder;
import org.jresnet.detect.fingerprint.Remover;
import org.jresnet.detect.fingerprint.RemoverOptions;
import org.jresnet.detect.fingerprint.RemoverTraining;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.models.Autoencoder;
import org.jresnet.train.RunLock;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet fingerprint train}. */
@Command(
    name = "train",
    sortOptions = false,
    description = {
      "Trains the autoencoder on real images, with the mean squared error and Adam. One image in"
          + " ten is held out and chooses the epoch."
    })
final class FingerprintTrainCommand implements Callable<Integer> {
  /** Longer than a step takes anywhere. */
  private static final int STOP_SECONDS = 120;

  @Parameters(paramLabel = "REAL", description = "Folder with real images alone, at any depth.")
  private String real;

  @Heading("Run")
  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for the autoencoder; new or empty.")
  private Path out;

  @ArgGroup private Existing existing;

  static final class Existing {
    @Option(names = "--resume", description = "Continue the interrupted training in --out.")
    boolean resume;

    @Option(names = "--overwrite", description = "Replace the autoencoder in --out.")
    boolean overwrite;
  }

  @Heading("Training")
  @Option(
      names = "--epochs",
      defaultValue = "200",
      description = "Passes over the images; the paper's are up to 200.")
  @Within(min = 1, max = Within.MANY)
  private int epochs;

  @Option(names = "--batch", defaultValue = "128", description = "Images per step.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(
      names = "--size",
      defaultValue = "224",
      description = "Side in pixels that images are stretched to for training.")
  @Within(min = Autoencoder.LEAST_SIDE, max = Within.SIDE)
  private int size;

  @Option(names = "--lr", defaultValue = "1e-3", description = "Learning rate of Adam.")
  @Within(above = 0, max = 1000)
  private double lr;

  @Option(
      names = "--latent",
      defaultValue = "32",
      description = "Channels between encoder and decoder: fewer remove more, of the face too.")
  @Within(min = 1, max = Within.SIDE)
  private int latent;

  @Option(
      names = "--seed",
      defaultValue = "42",
      description = "Seed of initialisation, order and held-out images.")
  @Within
  private long seed;

  @Heading("Run")
  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private BackendOptions backendOptions;

  // The lock is held, not used.
  @SuppressWarnings("try")
  @Override
  public Integer call() {
    Console console = new Console(json);
    Arguments.requireBatchFits(batch, size);
    boolean resume = existing != null && existing.resume;
    requireFolder(resume, existing != null && existing.overwrite);
    List<Path> images = ImageFolder.images(List.of(folder(real)));
    RemoverOptions options =
        new RemoverOptions(size, batch, epochs, lr, Autoencoder.WIDTH, latent, seed);
    AtomicBoolean stop = new AtomicBoolean();
    try (Interrupt interrupt =
            new Interrupt(
                () -> {
                  Console.printError("%nStopping after this step and saving a checkpoint ...");
                  stop.set(true);
                },
                () -> STOP_SECONDS,
                seconds ->
                    Text.format("Ending now, since nothing came to a stop in %d s", seconds));
        Compute compute = open(console, backendOptions);
        RunLock lock = lock(console);
        Lines lines = new Lines(console)) {
      RemoverTraining training =
          new RemoverTraining(options, images, out, compute, lines, stop::get);
      if (training.options().batch() < batch) {
        console.note(
            Text.format(
                "the batch is %s, because there are only so many images to train on",
                training.options().batch()));
      }
      interrupt.listen();
      return report(console, training.run(resume));
    }
  }

  private int report(Console console, boolean completed) {
    if (!completed) {
      Console.printError(
          "Interrupted. Go on with the same command and --resume: ./jresnet fingerprint train %s"
              + " --out %s --resume",
          Text.shellWord(real), Text.shellWord(out));
      return 1;
    }
    console.print("Saved in %s. Use it:", out);
    console.print("  ./jresnet fingerprint apply %s FAKES OUT", Text.shellWord(out));
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("out", out.toString());
    values.put("record", out.resolve(RemoverTraining.RECORD).toString());
    console.object(values);
    return 0;
  }

  static Path folder(String path) {
    Path folder = ImageFolder.expand(path);
    if (!Files.isDirectory(folder)) {
      throw new UserError(Text.format("expected a folder of images, but %s is none", folder));
    }
    return folder;
  }

  /** The loss and colours need fp32, which is therefore what auto means here. */
  static Compute open(Console console, BackendOptions options) {
    Optional<Precision> asked = options.precision();
    if (asked.isPresent() && !Remover.computes(asked.get())) {
      throw new UsageError(
          Text.format(
              "--precision must be fp32, or fp64 on the reference backend, for an autoencoder; "
                  + "found %s",
              asked.get().id()));
    }
    boolean reference = options.kind() == BackendKind.REFERENCE;
    return options.open(
        console,
        options.kind(),
        asked.isPresent() || reference ? asked : Optional.of(Precision.FP32));
  }

  private void requireFolder(boolean resume, boolean overwrite) {
    if (Files.exists(out, LinkOption.NOFOLLOW_LINKS) && !Files.isDirectory(out)) {
      throw new UserError(Text.format("--out %s is a file; name a folder", out));
    }
    if (resume || overwrite || !Files.exists(out)) {
      return;
    }
    try (Stream<Path> entries = Files.list(out)) {
      if (entries.anyMatch(e -> !e.getFileName().toString().equals(RunLock.FILE))) {
        throw new UserError(
            Text.format(
                "the output folder %s is not empty; use --resume to continue the training in it, "
                    + "--overwrite to replace it, or another --out",
                out));
      }
    } catch (IOException e) {
      throw new UserError(Text.format("the output folder %s cannot be read: %s", out, e), e);
    }
  }

  private RunLock lock(Console console) {
    try {
      Files.createDirectories(out);
    } catch (IOException e) {
      throw new UserError(Text.format("the output folder %s cannot be made: %s", out, e), e);
    }
    return RunLock.take(out, console::note);
  }

  /** A bar for people at a terminal, and a line per epoch. */
  private static final class Lines implements RemoverTraining.Listener, AutoCloseable {
    private final Console console;
    private ProgressBar bar;

    Lines(Console console) {
      this.console = console;
    }

    @Override
    public void batchDone(int epoch, int batch, int batches, double error) {
      if (bar == null) {
        bar = Progress.bar("Epoch " + epoch, batches, " batches");
      }
      bar.stepTo(batch);
    }

    @Override
    public void epochDone(int epoch, double trainError, double heldOutError, boolean best) {
      close();
      console.print(
          "Epoch %3d  train error %.6f  held out %.6f  PSNR %.2f dB%s",
          epoch, trainError, heldOutError, Remover.psnr(heldOutError), best ? "  *best" : "");
    }

    @Override
    public void close() {
      if (bar != null) {
        bar.close();
        bar = null;
      }
    }
  }
}
