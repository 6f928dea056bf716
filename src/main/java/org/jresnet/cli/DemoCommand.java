package org.jresnet.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Loader.LastBatch;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Split;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.Model;
import org.jresnet.models.Architecture;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.Predictor;
import org.jresnet.train.RunFolder;
import org.jresnet.train.TrainOptions;
import org.jresnet.train.Trainer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jresnet demo}. */
@Command(
    name = "demo",
    sortOptions = false,
    description =
        "Draws faces, trains a network to tell two kinds of pictures apart, evaluates and predicts.")
final class DemoCommand implements Callable<Integer> {
  private static final int BATCH = 20;

  @Heading("Output")
  @Option(
      names = "--out",
      defaultValue = "demo",
      paramLabel = "DIR",
      description = "Folder for pictures and results.")
  private Path out;

  @Heading("Training")
  @Option(
      names = "--model",
      paramLabel = "NAME",
      defaultValue = Architecture.DEFAULT,
      completionCandidates = ModelNames.class,
      description = ModelNames.LISTED)
  private String model;

  @Option(names = "--epochs", defaultValue = "6", description = "Passes over the training part.")
  @Within(min = 1, max = Within.MANY)
  private int epochs;

  @Option(
      names = "--images",
      defaultValue = "1000",
      description = "Pictures in both classes together.")
  @Within(min = 20, max = Within.MANY)
  private int images;

  @Option(
      names = "--size",
      defaultValue = "64",
      description = "Side of the pictures in pixels, a multiple of 4.")
  @Within(min = 1, max = Within.SIDE)
  private int size;

  @Option(names = "--seed", defaultValue = "42", description = "Seed of everything.")
  @Within
  private long seed;

  @Heading("Output")
  @Option(names = "--overwrite", description = "Replace an earlier demo in --out.")
  private boolean overwrite;

  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() throws BadImageException {
    Console console = new Console(json);
    Path data = out.resolve("faces");
    Path run = out.resolve("run");
    Arguments.requireBatchFits(BATCH, size);
    Architecture network = UsageError.unlessValid(() -> Architecture.of(model));
    long start = System.nanoTime();
    try (Backend backend = backendOptions.open(console)) {
      Precision precision = backendOptions.resolve(backend, console);
      RunFolder.Existing existing =
          overwrite ? RunFolder.Existing.OVERWRITE : RunFolder.Existing.REFUSE;
      TrainOptions options = options(data, network, backend, precision);
      Trainer.Outcome outcome;
      requireNew(run);
      try (RunFolder folder = RunFolder.open(run, existing, console::note)) {
        draw(console, data);
        console.print("%nTraining %s on %dx%d pixels", network.id(), size, size);
        outcome = new Training(console).run(options, folder, backend, Trainer.Contents.CHECKED);
      }
      if (outcome.end() == Trainer.End.INTERRUPTED) {
        return 1;
      }
      console.print("%nTwo pictures of the sealed part:");
      Path unseen = predictTwo(console, backend, precision, run, data);
      console.print(
          "%nDone in %.0f s. Everything is in %s:",
          (System.nanoTime() - start) / 1e9, out.toAbsolutePath());
      console.print("  faces/                 the pictures, and what they are (README.md)");
      console.print("  run/best.safetensors   the best epoch's weights");
      console.print("  run/run.json           everything needed to repeat the run");
      console.print(
          "  run/test.json          the test's result; run/test-predictions.csv its images");
      console.print("  run/metrics.csv        one line per epoch; run/curves.png shows them");
      console.print("%nTry next:");
      console.print("  ./jresnet predict %s %s", Text.shellWord(run), Text.shellWord(unseen));
      console.print("  ./jresnet summary --model %s", network.id());
      console.print(
          "  ./jresnet train FOLDER-WITH-ONE-FOLDER-PER-CLASS --out runs/mine --weights resnet50.pth");
      console.object(Training.values(outcome, run));
      return 0;
    }
  }

  /** In words of the demo, which knows no --resume. */
  private void requireNew(Path run) {
    if (!overwrite && Files.exists(run)) {
      throw new UserError(
          run + " exists; use --overwrite to draw and train anew, or another --out");
    }
  }

  private void draw(Console console, Path data) {
    if (images < 20 || images % 2 != 0) {
      throw new UsageError("--images must be an even number of at least 20, found " + images);
    }
    if (Files.exists(data) && overwrite) {
      deleteDrawn(data);
    }
    long start = System.nanoTime();
    try (ProgressBar bar = Progress.bar("Drawing", images, " pictures")) {
      DrawnFaces.write(
          data, new DrawnFaces.Options(images / 2, size, seed), done -> bar.stepTo(done));
    }
    console.print(
        "Drew %d faces in two classes into %s in %.1f s",
        images, data, (System.nanoTime() - start) / 1e9);
  }

  /** Deletes a folder that an earlier demo drew; anything else is left alone. */
  private static void deleteDrawn(Path data) {
    for (String kind : List.of(DrawnFaces.CAMERA, DrawnFaces.GENERATED)) {
      if (!Files.isDirectory(data.resolve(kind)) || !Files.exists(data.resolve("README.md"))) {
        throw new UserError(
            data + " was not drawn by the demo; delete it yourself or choose another --out");
      }
    }
    try (var walk = Files.walk(data)) {
      for (Path p : walk.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(p);
      }
    } catch (java.io.IOException e) {
      throw new UserError("the earlier pictures in " + data + " cannot be deleted: " + e, e);
    }
  }

  private TrainOptions options(
      Path data, Architecture network, Backend backend, Precision precision) {
    Split.Fractions f = Split.Fractions.DEFAULT;
    return UsageError.unlessValid(
        () ->
            new TrainOptions(
                data.toAbsolutePath().toString(),
                new TrainOptions.SplitOptions(f.train(), f.val(), f.test(), "", ""),
                new TrainOptions.NetworkOptions(
                    network.id(),
                    network.width(),
                    "",
                    false,
                    true,
                    List.of(),
                    backend.name(),
                    precision.id(),
                    0),
                new TrainOptions.InputOptions(
                    new Preprocess(size, Preprocess.Mode.STRETCH),
                    new Augmentation(0.5, 1, 0, 0),
                    BadImages.STOP,
                    2),
                epochs,
                BATCH,
                1,
                new TrainOptions.OptimizerOptions("adam", 1e-3, 0.9, 0.999, 1e-8, 0, 0),
                new TrainOptions.ScheduleOptions("cosine", 0.5, 30, 0.1, 0.01),
                new TrainOptions.LossOptions(0, "none"),
                0,
                0,
                seed,
                LastBatch.DROP,
                ""));
  }

  /** Predicts an image of each class and returns the second. */
  private Path predictTwo(
      Console console, Backend backend, Precision precision, Path run, Path data)
      throws BadImageException {
    LoadedModel loaded = ModelFiles.open(run, java.util.Optional.empty());
    Split split = Split.of(ImageFolder.expand(data.toString()), Split.Fractions.DEFAULT, seed, "");
    var test = split.part(Split.Part.TEST);
    try (Model network = new Model(loaded.graph(), backend, precision)) {
      ModelFiles.load(network, loaded.weights(), RunFolder.BEST);
      try (Predictor predictor =
          new Predictor(network, loaded.info(), ModelFiles.preprocess(loaded.info()))) {
        for (var sample : List.of(test.get(0), test.get(test.size() - 1))) {
          PredictCommand.print(console, predictor.predict(sample.file()), loaded.info().classes());
        }
      }
    }
    return test.get(test.size() - 1).file();
  }
}
