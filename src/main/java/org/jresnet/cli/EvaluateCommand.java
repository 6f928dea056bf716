package org.jresnet.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.base.Text;
import org.jresnet.data.Dataset;
import org.jresnet.data.Grouping;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.LeftOut;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Sample;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Neighbours;
import org.jresnet.engine.Compute;
import org.jresnet.train.Classifier;
import org.jresnet.train.Evaluation;
import org.jresnet.train.EvaluationFile;
import org.jresnet.train.Evaluator;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.RunFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code jresnet evaluate}. */
@Command(
    name = "evaluate",
    sortOptions = false,
    description =
        "Evaluates a model on a folder with one folder of images per class, on images of one class,"
            + " or on the sealed test set of its run. Started by mpirun or srun, several processes"
            + " share the images of a folder.")
final class EvaluateCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description = "Run folder, .safetensors or .pth file.")
  private String modelPath;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "DATA",
      description = {
        "Folder with one folder per class, or with images of one --class. With --test: the run's"
            + " data folder, where it has moved."
      })
  private String data;

  @Option(
      names = "--test",
      description =
          "Open the sealed test set of the run MODEL. run.json counts how often that was done.")
  private boolean test;

  @Option(
      names = "--class",
      paramLabel = "NAME",
      description = {
        "All images below DATA are of this class of the model. Images of one class give a rate of"
            + " false alarms, or of hits."
      })
  private String className;

  @Option(
      names = "--positive",
      defaultValue = "",
      paramLabel = "NAME",
      description = "The class that AUC, EER and error rates speak of; by default as trained.")
  private String positive;

  @Spec private CommandSpec spec;

  @Mixin private ModelOptions modelOptions;

  @Heading("Data")
  @Option(
      names = "--group",
      defaultValue = "",
      paramLabel = "REGEX",
      description = {
        "What is not independent, such as the images of one person, as a regular expression on the"
            + " path below DATA: intervals draw groups whole. With --test: by default as in the"
            + " split."
      })
  private String group;

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
      description = "Threads that decode images.")
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
      names = "--name",
      paramLabel = "NAME",
      description = {
        "Name of the result in the run's folder evaluations, where an earlier one of that name is"
            + " replaced; by default that of DATA."
      })
  private String name;

  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private JpegOptions jpeg;

  @Mixin private RobustnessOptions robustness;

  @Mixin private LaunchOptions launch;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() {
    requireWhat();
    return launch.run(CommandText.of(spec), this::call);
  }

  private int call(Communicator all) {
    if (csv != null && all.leads()) {
      OutputFile.require("--csv", csv, overwrite);
    }
    backendOptions.beside(Neighbours.of(all));
    Console console = all.leads() ? new Console(json) : Console.silent();
    LoadedModel loaded = jpeg.of(modelOptions.open(modelPath, console));
    Arguments.requireBatchFits(batch, loaded.preprocess().size());
    return test ? testSet(console, loaded) : folder(console, loaded, all);
  }

  private int testSet(Console console, LoadedModel loaded) {
    try (Compute compute = backendOptions.open(console)) {
      TestEvaluation evaluation =
          new TestEvaluation(console, loaded, batch, loaderThreads, badImages);
      TestEvaluation.Outcome outcome =
          evaluation.run(
              ImageFolder.expand(modelPath),
              new TestEvaluation.Request(
                  Optional.ofNullable(data), positive, group, CommandText.of(spec)),
              compute,
              robustness);
      console.object(outcome.values());
      return outcome.code();
    }
  }

  private int folder(Console console, LoadedModel loaded, Communicator all) {
    Path model = ImageFolder.expand(modelPath);
    Path root = ImageFolder.expand(data);
    Dataset dataset =
        className == null
            ? ModelFiles.dataset(loaded.info(), root, console::note)
            : ImageFolder.scanOne(root, loaded.info().classes(), className);
    dataset.onlyFakes().ifPresent(console::note);
    LeftOut leftOut =
        className == null ? ImageFolder.leftOut(root) : ImageFolder.leftOutBelow(root);
    ModelOptions.note(leftOut, dataset, loaded, console);
    List<Sample> samples = dataset.samples();
    Grouping grouping = Grouping.of(group);
    samples.forEach(s -> grouping.key(s.id()));
    Evaluator.Labels labels = new Evaluator.Labels(dataset.classes(), positive());
    Map<String, Integer> seen =
        all.leads() ? SeenWarning.of(model, samples, loaderThreads) : Map.of();
    try (Compute compute = backendOptions.open(console);
        Classifier classifier = Classifier.open(loaded, compute, console::note)) {
      Evaluator.LoaderOptions loading =
          new Evaluator.LoaderOptions(classifier.preprocess(), loaderThreads, badImages)
              .sharedBy(all);
      long start = System.nanoTime();
      Evaluation result;
      try (ProgressBar bar = Progress.bar("Evaluating", samples.size() / all.size(), " images")) {
        result =
            classifier
                .evaluate(
                    samples,
                    labels,
                    batch,
                    loading,
                    done -> {
                      if (all.leads()) {
                        bar.stepTo(done);
                      }
                    })
                .withGroups(grouping);
      }
      int code = result.badImages().isEmpty() ? 0 : 1;
      if (!all.leads()) {
        return code;
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      if (csv != null) {
        EvaluationFile.writePredictions(csv, result, Map.of());
      }
      Report report = new Report(console);
      report.badImages(result.badImages().values());
      report.print(result);
      console.print("%.1f images/s with decoding", result.images() / seconds);
      EvaluationFile.Origin origin =
          new EvaluationFile.Origin(
              name(root),
              className == null ? "folder" : "class",
              CommandText.of(spec),
              root.toAbsolutePath().normalize().toString(),
              group,
              EvaluationFile.Environment.of(classifier));
      EvaluationFile.write(model, origin, result)
          .ifPresent(file -> console.print("Saved as %s", file));
      robustness.run(
          console,
          classifier,
          new RobustnessOptions.Subject(model, samples, labels, grouping, batch, loading, origin));
      Map<String, Object> values = Report.values(result);
      values.putAll(seen);
      console.object(values);
      return code;
    }
  }

  /** Of the saved files: as asked for, or the data folder's in plain characters. */
  private String name(Path root) {
    if (name != null) {
      return name;
    }
    String last = root.toAbsolutePath().normalize().getFileName().toString();
    String plain = last.replaceAll("[^A-Za-z0-9._-]", "_").replaceAll("^\\.+", "");
    return plain.isEmpty() || plain.equals(TestEvaluation.NAME) ? "folder-" + plain : plain;
  }

  /** Either a folder or the test set. */
  private void requireWhat() {
    if (!test && data == null) {
      throw new UsageError(
          Text.format(
              "name the images: ./jresnet evaluate %s DATA, or --test for the sealed test set of"
                  + " the run",
              Text.shellWord(modelPath)));
    }
    if (test && (className != null || csv != null)) {
      throw new UsageError(
          "--test takes no --class and no --csv: it evaluates all test images of the run and saves"
              + " the predictions beside the result");
    }
    if (name != null && (test || name.equals(TestEvaluation.NAME))) {
      throw new UsageError(
          "the result of the test set, and no other, is called 'test'; --name names those of"
              + " folders");
    }
    if (name != null && !name.matches("[A-Za-z0-9_-][A-Za-z0-9._-]*")) {
      throw new UsageError(
          Text.format("--name takes letters, digits, '.', '_' and '-', found '%s'", name));
    }
    Arguments.requireRegex("--group", group);
    robustness.require();
    if (launch.several() && (test || robustness.on())) {
      throw new UsageError(
          "several processes share the images of a folder, not --test and not --robustness: start"
              + " these without mpirun or srun, or say --ranks solo");
    }
  }

  private String positive() {
    return positive.isEmpty()
        ? RunFolder.recordOf(ImageFolder.expand(modelPath))
            .map(r -> r.options().positive())
            .orElse("")
        : positive;
  }
}
