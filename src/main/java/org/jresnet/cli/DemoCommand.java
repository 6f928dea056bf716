package org.jresnet.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.Compute;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.models.Architecture;
import org.jresnet.train.Classifier;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.Prediction;
import org.jresnet.train.RunFolder;
import org.jresnet.train.TelemetryOptions;
import org.jresnet.train.TrainOptions.ScheduleOptions;
import org.jresnet.train.Trainer;
import org.jresnet.train.Training;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jresnet demo}. */
@Command(
    name = "demo",
    sortOptions = false,
    description =
        "Draws faces, trains a network to tell two kinds of images apart, evaluates and predicts.")
final class DemoCommand implements Callable<Integer> {
  private static final int BATCH = 20;
  private static final int EPOCHS = 6;

  /** Networks that drop branches at random learn more slowly. */
  private static final int EPOCHS_WHERE_BRANCHES_DROP = 24;

  /** After so many times 1/momentum steps running statistics have forgotten their start. */
  private static final int FORGOTTEN = 8;

  @Heading("Output")
  @Option(
      names = "--out",
      defaultValue = "demo",
      paramLabel = "DIR",
      description = "Folder for images and results.")
  private Path out;

  @Heading("Training")
  @Option(
      names = "--model",
      paramLabel = "NAME",
      defaultValue = Architecture.DEFAULT,
      completionCandidates = ModelNames.class,
      description = ModelNames.LISTED)
  private String model;

  @Option(
      names = "--epochs",
      description =
          "Passes over the training part; default: 6, or more where running statistics follow"
              + " slowly, as in MobileNetV3, or branches are dropped at random, as in EfficientNet.")
  @Within(min = 1, max = Within.MANY)
  private Integer epochs;

  @Option(
      names = "--images",
      defaultValue = "1000",
      description = "Images in both classes together.")
  @Within(min = 20, max = Within.MANY)
  private int images;

  @Option(
      names = "--size",
      defaultValue = "64",
      description = "Side of the images in pixels, a multiple of 4.")
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
    try (Compute compute = backendOptions.open(console)) {
      RunFolder.Existing existing =
          overwrite ? RunFolder.Existing.OVERWRITE : RunFolder.Existing.REFUSE;
      Training training = training(data, network);
      Trainer.Outcome outcome;
      requireNew(run);
      try (RunFolder folder = RunFolder.open(run, existing, console::note)) {
        draw(console, data);
        console.print("%nTraining %s on %dx%d pixels", network.id(), size, size);
        outcome =
            new TrainingConsole(console)
                .run(training, folder, compute, Trainer.Contents.CHECKED, TelemetryOptions.OFF);
      }
      if (outcome.end() == Trainer.End.INTERRUPTED) {
        return 1;
      }
      LoadedModel loaded = ModelFiles.open(run, Optional.empty());
      TestEvaluation.Outcome test =
          new TestEvaluation(
                  console,
                  loaded,
                  Classifier.EVALUATION_BATCH,
                  Classifier.LOADER_THREADS,
                  BadImages.STOP)
              .run(
                  run,
                  new TestEvaluation.Request(
                      Optional.empty(),
                      "",
                      "",
                      CommandText.of(List.of("evaluate", run.toString(), "--test"))),
                  compute,
                  new RobustnessOptions());
      console.print("%nTwo images of the test set:");
      Path unseen = predictTwo(console, compute, loaded, data);
      Path report = ReportCommand.write(run);
      console.print(
          "%nDone in %.0f s. Everything is in %s:",
          (System.nanoTime() - start) / 1e9, out.toAbsolutePath());
      console.print("  faces/                 the images, and what they are (README.md)");
      console.print("  run/best.safetensors   the best epoch's weights");
      console.print("  run/run.json           everything needed to repeat the run");
      console.print(
          "  run/evaluations/       the test's result, and what is predicted of each of its images");
      console.print("  run/metrics.csv        one line per epoch; run/curves.png shows them");
      console.print("%nThe report of it all: %s", report.toAbsolutePath());
      console.print("%nTry next:");
      console.print("  ./jresnet predict %s %s", Text.shellWord(run), Text.shellWord(unseen));
      console.print("  ./jresnet summary --model %s", network.id());
      console.print(
          "  ./jresnet train FOLDER-WITH-ONE-FOLDER-PER-CLASS --out runs/mine --weights resnet50.pth");
      Map<String, Object> values = Report.values(outcome, run);
      values.putAll(test.values());
      values.put("report", report.toString());
      console.object(values);
      return test.code();
    }
  }

  /** In words of the demo, which knows no --resume. */
  private void requireNew(Path run) {
    if (!overwrite && Files.exists(run)) {
      throw new UserError(
          Text.format("%s exists; use --overwrite to draw and train anew, or another --out", run));
    }
  }

  private void draw(Console console, Path data) {
    if (images < 20 || images % 2 != 0) {
      throw new UsageError(
          Text.format("--images must be an even number of at least 20, found %s", images));
    }
    if (Files.exists(data) && overwrite) {
      deleteDrawn(data);
    }
    long start = System.nanoTime();
    try (ProgressBar bar = Progress.bar("Drawing", images, " images")) {
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
            Text.format(
                "%s was not drawn by the demo; delete it yourself or choose another --out", data));
      }
    }
    try (var walk = Files.walk(data)) {
      for (Path p : walk.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(p);
      }
    } catch (java.io.IOException e) {
      throw new UserError(
          Text.format("the earlier images in %s cannot be deleted: %s", data, e), e);
    }
  }

  private Training training(Path data, Architecture network) {
    Training training = Training.on(data.toAbsolutePath()).architecture(network.id());
    if (!network.graph(2).additions().isEmpty()) {
      training.zeroInit();
    }
    training.size(size).badImages(BadImages.STOP).epochs(epochs(network)).batch(BATCH).seed(seed);
    return training.schedule(ScheduleOptions.Kind.COSINE).warmup(0.5).finalFactor(0.01);
  }

  /** Those that were asked for, else as many as the network needs to be evaluated well. */
  private int epochs(Architecture network) {
    if (epochs != null) {
      return epochs;
    }
    Graph graph = network.graph(2);
    boolean drops =
        graph.additions().stream()
            .anyMatch(sum -> graph.nodes().get(sum.inputs().get(0)).op().draws());
    double slowest =
        graph.nodes().stream()
            .map(Node::op)
            .filter(Op.BatchNorm.class::isInstance)
            .mapToDouble(op -> ((Op.BatchNorm) op).momentum())
            .min()
            .orElse(1);
    double steps = Math.max(1, images * Split.Fractions.DEFAULT.train() / BATCH);
    int least = drops ? EPOCHS_WHERE_BRANCHES_DROP : EPOCHS;
    return (int) Math.max(least, Math.ceil(FORGOTTEN / slowest / steps));
  }

  /** Predicts an image of each class and returns the second. */
  private Path predictTwo(Console console, Compute compute, LoadedModel loaded, Path data)
      throws BadImageException {
    Split split = Split.of(ImageFolder.expand(data.toString()), Split.Fractions.DEFAULT, seed, "");
    List<Sample> test = split.part(Split.Part.TEST);
    Path last = test.get(test.size() - 1).file();
    try (Classifier classifier = Classifier.open(loaded, compute, console::note)) {
      for (Path file : List.of(test.get(0).file(), last)) {
        Prediction p = classifier.predict(file);
        console.print("%s  %s  %.2f %%", file, p.label(), 100 * p.probability());
      }
    }
    return last;
  }
}
