package org.jresnet.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Loader;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Preprocess;
import org.jresnet.engine.Backends;

/** Runs that take a fraction of a second: a narrow network on small images, constant rate. */
final class TinyRun {
  /** Hears everything, does nothing. */
  static final class Notes implements TrainingListener {
    final List<String> texts = new ArrayList<>();

    @Override
    public void note(String text) {
      texts.add(text);
    }

    @Override
    public void epochStarted(int epoch, int epochs, int firstBatch, int batches) {}

    @Override
    public void batchDone(int batch, double loss, double imagesPerSecond, double waitShare) {}

    @Override
    public void epochFinished(EpochResult result, boolean best) {}
  }

  private TinyRun() {}

  static TrainOptions options(Path data, int epochs) {
    return new TrainOptions(
        data.toString(),
        new TrainOptions.SplitOptions(0.6, 0.4, 0, "", ""),
        new TrainOptions.NetworkOptions(
            "resnet18", 2, "", false, false, List.of(), "cpu", "fp32", 0),
        new TrainOptions.InputOptions(
            new Preprocess(16, Preprocess.Mode.STRETCH), Augmentation.NONE, BadImages.STOP, 2),
        epochs,
        4,
        1,
        new TrainOptions.OptimizerOptions("adam", 1e-3, 0.9, 0.999, 1e-8, 0.9, 0),
        new TrainOptions.ScheduleOptions("constant", 0, 1, 0.1, 0),
        new TrainOptions.LossOptions(0, "none"),
        0,
        0,
        5,
        Loader.LastBatch.DROP,
        "");
  }

  static Trainer.Outcome start(
      TrainOptions options, Path out, RunFolder.Existing existing, Notes notes) {
    try (Backend backend = Backends.open(options.network().backend());
        RunFolder run = RunFolder.open(out, existing, notes::note)) {
      return new Trainer(options, run, backend, "test", notes).run(Trainer.Contents.CHECKED);
    }
  }

  /** Goes on as {@code train --resume --epochs N} does. */
  static Trainer.Outcome resume(Path out, int epochs, Trainer.Contents contents, Notes notes) {
    try (RunFolder run = RunFolder.open(out, RunFolder.Existing.RESUME, notes::note)) {
      TrainOptions options = run.record().options().withEpochs(epochs);
      try (Backend backend = Backends.open(options.network().backend())) {
        return new Trainer(options, run, backend, "test", notes).run(contents);
      }
    }
  }

  /** Copies files and links, one level deep. */
  static Path copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (var entries = Files.list(from)) {
      for (Path entry : entries.toList()) {
        Files.copy(
            entry,
            to.resolve(entry.getFileName().toString()),
            StandardCopyOption.COPY_ATTRIBUTES,
            LinkOption.NOFOLLOW_LINKS);
      }
    }
    return to;
  }
}
