package org.jresnet.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.LeftOut;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Sample;
import org.jresnet.data.Split.Part;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.train.Evaluation;
import org.jresnet.train.Evaluator;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.RunFolder;
import org.jresnet.train.SeenImages;
import org.jresnet.train.TestResult;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet evaluate}. */
@Command(
    name = "evaluate",
    sortOptions = false,
    description =
        "Evaluates a model on a folder with one folder of images per class, or on images of one class.")
final class EvaluateCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description = "Run folder, .safetensors or .pth file.")
  private String modelPath;

  @Parameters(
      index = "1",
      paramLabel = "DATA",
      description = "Folder with one folder per class, or with images of one --class.")
  private String data;

  @Option(
      names = "--class",
      paramLabel = "NAME",
      description = {
        "All images below DATA are of this class of the model. Images of one class give a rate of false alarms, or of hits."
      })
  private String className;

  @Option(
      names = "--positive",
      defaultValue = "",
      paramLabel = "NAME",
      description = "The class that AUC, EER and error rates speak of; by default as trained.")
  private String positive;

  @Mixin private ModelOptions modelOptions;

  @Heading("Data")
  @Option(names = "--batch", defaultValue = "16", description = "Images per pass.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(
      names = "--bad-images",
      defaultValue = "skip",
      description = "skip (counted and listed) or stop.")
  private BadImages badImages;

  @Option(
      names = "--loader-threads",
      defaultValue = "2",
      description = "Threads that decode pictures.")
  @Within(min = 1, max = Within.THREADS)
  private int loaderThreads;

  @Heading("Output")
  @Option(
      names = "--csv",
      paramLabel = "FILE",
      description = "Also write class, prediction and probabilities of every image to this file.")
  private Path csv;

  @Option(names = "--overwrite", description = "Replace the file of --csv if it exists.")
  private boolean overwrite;

  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() {
    if (csv != null) {
      OutputFile.require("--csv", csv, overwrite);
    }
    Console console = new Console(json);
    LoadedModel loaded = modelOptions.open(modelPath, console);
    Arguments.requireBatchFits(batch, modelOptions.size(loaded.info()));
    Dataset dataset = dataset(loaded.info().classes(), console);
    dataset.onlyFakesWarning().ifPresent(console::note);
    Path root = ImageFolder.expand(data);
    LeftOut leftOut =
        className == null ? ImageFolder.leftOut(root) : ImageFolder.leftOutBelow(root);
    modelOptions.note(leftOut, dataset, loaded.info(), console);
    Evaluator.Labels labels = new Evaluator.Labels(dataset.classes(), positive());
    Map<Part, Integer> seen =
        SeenImages.count(ImageFolder.expand(modelPath), dataset.samples(), loaderThreads);
    try (Backend backend = backendOptions.open(console)) {
      Precision precision = backendOptions.resolve(backend, console);
      try (Model model = new Model(loaded.graph(), backend, precision)) {
        ModelFiles.load(model, loaded.weights(), modelPath).forEach(console::note);
        CompileOptions compile =
            ModelFiles.inference(
                loaded.info(),
                Math.min(batch, dataset.samples().size()),
                modelOptions.size(loaded.info()));
        long start = System.nanoTime();
        var loading =
            new Evaluator.LoaderOptions(
                modelOptions.preprocess(loaded.info()), loaderThreads, badImages);
        Evaluation result = evaluate(model, compile, dataset, labels, loading);
        if (csv != null) {
          TestResult.writePredictions(csv, result, Map.of());
        }
        Training training = new Training(console);
        training.badImages(result.badImages().values());
        training.print(result);
        double seconds = (System.nanoTime() - start) / 1e9;
        console.print("%.1f images/s with decoding", result.images() / seconds);
        warnOfSeen(seen, dataset.samples().size());
        Map<String, Object> values = Training.values(result);
        for (Part part : Part.values()) {
          values.put("images_of_" + part.id(), seen.getOrDefault(part, 0));
        }
        console.object(values);
        return result.badImages().isEmpty() ? 0 : 1;
      }
    }
  }

  private String positive() {
    return positive.isEmpty()
        ? RunFolder.recordOf(ImageFolder.expand(modelPath))
            .map(r -> r.options().positive())
            .orElse("")
        : positive;
  }

  /** Says how many of the images are not new to the model. */
  private static void warnOfSeen(Map<Part, Integer> seen, int images) {
    int trained = seen.getOrDefault(Part.TRAIN, 0);
    int chosen = seen.getOrDefault(Part.VAL, 0);
    if (trained + chosen > 0) {
      Console.printError(
          "WARNING: the model was trained on %d of these %d images, and %d more chose its best epoch: this result does"
              + " not say how it does on new images",
          trained, images, chosen);
    }
  }

  /** The images with the model's labels: of all its classes, of some, or of one. */
  private Dataset dataset(List<String> classes, Console console) {
    Path root = ImageFolder.expand(data);
    if (className != null) {
      return ImageFolder.scanOne(root, classes, className);
    }
    if (classes.stream().allMatch(name -> name.matches("\\d+"))) {
      Dataset dataset = ImageFolder.scan(root);
      requireSameClasses(classes, dataset.classes(), console);
      return dataset;
    }
    return ImageFolder.scanSome(root, classes);
  }

  private static Evaluation evaluate(
      Model model,
      CompileOptions compile,
      Dataset dataset,
      Evaluator.Labels labels,
      Evaluator.LoaderOptions loading) {
    List<Sample> samples = dataset.samples();
    try (Executable executable = Executable.compile(model, compile);
        ProgressBar bar = Progress.bar("Evaluating", samples.size(), " images")) {
      return Evaluator.evaluate(executable, labels, samples, loading, done -> bar.stepTo(done));
    }
  }

  static void requireSameClasses(List<String> model, List<String> folders, Console console) {
    if (model.equals(folders)) {
      return;
    }
    boolean numbered = model.stream().allMatch(name -> name.matches("\\d+"));
    if (numbered && model.size() == folders.size()) {
      console.note(
          "the model's classes have no names; they are taken in the order of the folders "
              + folders);
      return;
    }
    throw new UserError(
        "the model knows the classes "
            + model
            + ", the data folder has "
            + folders
            + "; the folder names must be the class names");
  }
}
