package org.jresnet.cli;

import java.util.List;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.train.Evaluation;
import org.jresnet.train.Evaluator;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet evaluate}. */
@Command(
    name = "evaluate",
    sortOptions = false,
    description = "Judges a model on a folder with one folder of pictures per class.")
final class EvaluateCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description = "Run folder, .safetensors or .pth file.")
  private String modelPath;

  @Parameters(index = "1", paramLabel = "DATA", description = "Folder with one folder per class.")
  private String data;

  @Mixin private ModelOptions modelOptions;

  @Heading("Data")
  @Option(names = "--batch", defaultValue = "16", description = "Pictures per pass.")
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
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() {
    Console console = new Console(json);
    LoadedModel loaded = modelOptions.open(modelPath, console);
    Arguments.requireBatchFits(batch, modelOptions.size(loaded.info()));
    Dataset dataset = ImageFolder.scan(ImageFolder.expand(data));
    requireSameClasses(loaded.info().classes(), dataset.classes(), console);
    dataset.onlyFakesWarning().ifPresent(console::note);
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
        Evaluation result = evaluate(model, compile, dataset, loaded);
        Training training = new Training(console);
        training.badImages(result.badImages());
        training.print(result);
        double seconds = (System.nanoTime() - start) / 1e9;
        console.print("%.1f pictures/s with decoding", result.pictures() / seconds);
        console.object(Training.values(result));
        return result.badImages().isEmpty() ? 0 : 1;
      }
    }
  }

  private Evaluation evaluate(
      Model model, CompileOptions compile, Dataset dataset, LoadedModel loaded) {
    try (Executable executable = Executable.compile(model, compile);
        ProgressBar bar = Progress.bar("Evaluating", dataset.samples().size(), " pictures")) {
      return Evaluator.evaluate(
          executable,
          dataset.classes(),
          dataset.samples(),
          new Evaluator.LoaderOptions(
              modelOptions.preprocess(loaded.info()), loaderThreads, badImages),
          done -> bar.stepTo(done));
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
