package org.jresnet.cli;

import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jresnet.backend.Precision;
import org.jresnet.base.Text;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Neighbours;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.train.RunFolder;
import org.jresnet.train.TelemetryOptions;
import org.jresnet.train.TrainOptions;
import org.jresnet.train.Trainer;
import org.jresnet.train.Training;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code jresnet train}. */
@Command(
    name = "train",
    sortOptions = false,
    description = {
      "Trains a classifier on a folder with one folder of images per class.",
      "Folders named train, val and test inside it are taken as the split; else the images are"
          + " split at random."
    })
final class TrainCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..1",
      paramLabel = "DATA",
      description = "The data folder; not needed with --resume.")
  private String data;

  @Heading("Run")
  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for the results.")
  private Path out;

  @ArgGroup private Existing existing;

  static final class Existing {
    @Option(
        names = "--resume",
        description = "Continue the interrupted run in --out with its own options.")
    boolean resume;

    @Option(
        names = "--overwrite",
        description = "Replace the run in --out, once the new one has its first checkpoint.")
    boolean overwrite;
  }

  @Heading("Training")
  @Option(
      names = "--preset",
      paramLabel = "NAME",
      description = {
        "seed: 224 pixels, batch 32, Adam 1e-3, 100 epochs, 80/20 split with seed 42, best"
            + " validation accuracy kept. It selects on the part that it reports; the default keeps"
            + " a held-out test set instead.",
        "ganprintr: the protocol of Neves et al. 2020: 224 pixels, values from 0 to 1, batch 32,"
            + " Adam 1e-4, 20 epochs, 50/20/30 split; divide real faces by identity with --group,"
            + " and read the EER.",
        "Options that you give yourself are kept."
      })
  private String preset;

  @Mixin private NetworkArguments network;

  @Mixin private OptimizerArguments steps;

  @Mixin private DataArguments images;

  @Mixin private TelemetryArguments telemetry;

  @Heading("Run")
  @Option(
      names = "--trust-files",
      description = {
        "Do not read every image once before training to record, or with --resume to compare, its"
            + " contents."
      })
  private boolean trustFiles;

  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private LaunchOptions ranks;

  @Mixin private SharingOptions sharing;

  @Mixin private BackendOptions backendOptions;

  private TimeIsUp time;

  @Override
  public Integer call() {
    telemetry.options();
    sharing.exchange();
    time = TimeIsUp.listen();
    return ranks.run(existing != null && existing.resume ? "train --resume" : "train", this::call);
  }

  private int call(Communicator all) {
    Console console = all.leads() ? new Console(json) : Console.silent();
    if (!all.leads()) {
      time.silence();
    }
    boolean resume = existing != null && existing.resume;
    RunFolder.Existing how =
        resume
            ? RunFolder.Existing.RESUME
            : existing != null && existing.overwrite
                ? RunFolder.Existing.OVERWRITE
                : RunFolder.Existing.REFUSE;
    Training fresh = resume ? null : fresh(console, all.size());
    backendOptions.beside(Neighbours.of(all));
    try (RunFolder folder =
        all.leads() ? RunFolder.open(out, how, console::note) : RunFolder.follow(out, how)) {
      return resume
          ? resume(console, folder, all)
          : train(console, fresh, folder, backendOptions.open(console), all);
    }
  }

  private int train(
      Console console, Training training, RunFolder folder, Compute opened, Communicator all) {
    try (Compute compute = opened) {
      if (all.size() > 1) {
        console.print("%s ranks train together", all.size());
      }
      Trainer.Contents contents = trustFiles ? Trainer.Contents.TRUSTED : Trainer.Contents.CHECKED;
      TelemetryOptions seen = all.leads() ? telemetry.options() : TelemetryOptions.OFF;
      Trainer.Outcome outcome =
          new TrainingConsole(console, all, sharing.exchange(), time)
              .run(training, folder, compute, contents, seen);
      if (all.leads()) {
        console.object(Report.values(outcome, out));
      }
      double[] ended = {time.heard() ? 1 : 0};
      all.sum(ended);
      return outcome.end() == Trainer.End.INTERRUPTED && ended[0] == 0 ? 1 : 0;
    }
  }

  /** Goes on with the run's own options, but for those that decide no step. */
  private int resume(Console console, RunFolder folder, Communicator all) {
    TrainOptions then = LaunchOptions.recorded(all, folder);
    BackendKind kind =
        backendOptions.kind() == BackendKind.AUTO
            ? then.network().backend()
            : backendOptions.kind();
    Precision precision = backendOptions.precision().orElse(then.network().precision());
    Training given = training(data == null ? then.data() : data, all.size());
    TrainOptions here = UsageError.unlessValid(() -> given.options(kind, precision));
    Set<String> named =
        spec.commandLine().getParseResult().matchedOptions().stream()
            .map(o -> o.longestName())
            .collect(Collectors.toSet());
    ResumeOptions.require(named, here, then);
    Compute compute = backendOptions.open(console, kind, Optional.of(precision));
    Training merged = ResumeOptions.merge(named, here, then);
    return train(
        console, merged.parallel(then.parallel().withRanks(all.size())), folder, compute, all);
  }

  private Training fresh(Console console, int size) {
    if (data == null) {
      throw new UsageError(
          Text.format("name the data folder: ./jresnet train DATA --out %s", Text.shellWord(out)));
    }
    Training training = training(data, size);
    if (preset != null) {
      Presets.apply(preset, training, images.augmentation(), this::given, console);
    }
    // The precision that auto takes decides nothing about what is valid.
    Precision any = backendOptions.precision().orElse(Precision.FP32);
    TrainOptions options =
        UsageError.unlessValid(() -> training.options(backendOptions.kind(), any));
    Arguments.requireBatchFits(options.batch(), options.input().preprocess().size());
    return training;
  }

  private boolean given(String option) {
    return spec.commandLine().getParseResult().hasMatchedOption(option);
  }

  private Training training(String folder, int size) {
    return UsageError.unlessValid(
        () -> {
          Training training = Training.on(Path.of(Arguments.absolute(folder)));
          network.apply(training);
          steps.apply(training);
          images.apply(training);
          return training.parallel(sharing.parallel(size));
        });
  }
}
