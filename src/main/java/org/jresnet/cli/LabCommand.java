package org.jresnet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jresnet.backend.Precision;
import org.jresnet.base.Stopped;
import org.jresnet.base.Text;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.engine.Compute;
import org.jresnet.inspect.lab.Experiment;
import org.jresnet.inspect.lab.Experiments;
import org.jresnet.inspect.lab.Lab;
import org.jresnet.inspect.lab.LabIndex;
import org.jresnet.inspect.lab.LabListener;
import org.jresnet.inspect.lab.LabSettings;
import org.jresnet.train.Classifier;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.RunFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code jresnet lab}. */
@Command(
    name = "lab",
    sortOptions = false,
    description =
        "Experiments on the residual branches of a model: each a table, a picture and JSON; --list"
            + " names them.")
final class LabCommand implements Callable<Integer> {
  /** What Ctrl-C waits for: a step of an experiment, or a batch of a training. */
  private static final long STOP_SECONDS = 60;

  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description = "Run folder, .safetensors or .pth file.")
  private String modelPath;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "DATA",
      description = {
        "Folder with one folder of images per class, to look at and to train other forms on;"
            + " without it, the validation part and the data folder of the run MODEL."
      })
  private String data;

  @Option(names = "--list", description = "List the experiments with their papers, and end.")
  private boolean list;

  @Mixin private ModelOptions modelOptions;

  @Heading("Experiments")
  @Option(
      names = "--experiment",
      split = ",",
      paramLabel = "NAME",
      description = "Only these; by default all, those that train last.")
  private List<String> names = List.of();

  @Option(names = "--images", defaultValue = "128", description = "Most images to look at.")
  @Within(min = 2, max = Within.MANY)
  private int images;

  @Option(names = "--batch", defaultValue = "16", description = "Images per pass.")
  @Within(min = 2, max = Within.BATCH)
  private int batch;

  @Option(
      names = "--epochs",
      defaultValue = "5",
      description = "Epochs of each training of shortcuts and landscape.")
  @Within(min = 1, max = Within.MANY)
  private int epochs;

  @Option(names = "--seed", defaultValue = "42", description = "Seed of all that is drawn.")
  @Within
  private long seed;

  @Option(
      names = "--loader-threads",
      defaultValue = "2",
      description = "Threads that decode images.")
  @Within(min = 1, max = Within.THREADS)
  private int loaderThreads;

  @Heading("Output")
  @Option(names = "--out", paramLabel = "DIR", description = "Folder for the results.")
  private Path out;

  @Option(names = "--overwrite", description = "Replace the results of an earlier lab in --out.")
  private boolean overwrite;

  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() {
    Console console = new Console(json);
    if (list) {
      return list(console);
    }
    if (modelPath == null || out == null) {
      throw new UsageError(
          "name the model and a folder for the results: ./jresnet lab MODEL DATA --out DIR");
    }
    List<Experiment> experiments = UsageError.unlessValid(() -> Experiments.named(names));
    LoadedModel loaded = modelOptions.open(modelPath, console);
    Arguments.requireBatchFits(batch, loaded.preprocess().size());
    Path model = ImageFolder.expand(modelPath);
    List<Sample> samples = samples(model, loaded, console);
    Path folder = folder(model);
    Lab.open(out, overwrite);
    LabSettings settings = new LabSettings(folder, images, batch, epochs, seed, loaderThreads);
    // What bf16 rounds away is what these experiments measure, so auto means fp32 here.
    Precision precision = backendOptions.precision().orElse(Precision.FP32);
    AtomicBoolean stop = new AtomicBoolean();
    try (Interrupt interrupt =
        new Interrupt(
            () -> {
              Console.printError("%nStopping after this step; what is finished is saved ...");
              stop.set(true);
            },
            () -> STOP_SECONDS,
            seconds -> Text.format("Ending now: the step did not end in %d s", seconds))) {
      try (Compute compute =
              backendOptions.open(console, backendOptions.kind(), Optional.of(precision));
          Classifier classifier = Classifier.open(loaded, compute, console::note)) {
        interrupt.listen();
        Map<String, String> origin =
            Map.of("command", CommandText.of(spec), "model", model.toString());
        LabIndex index =
            new Lab(out, settings, new Lines(console), stop::get)
                .run(experiments, classifier, compute, samples, origin);
        console.print("%nSaved in %s: %s", out, LabIndex.FILE);
        console.object(values(index));
        return index.experiments().size() == experiments.size() ? 0 : 1;
      } catch (Stopped e) {
        Console.printError("%s", e.getMessage());
        return 1;
      }
    }
  }

  private int list(Console console) {
    for (Experiment experiment : Experiments.all()) {
      console.print("%-14s %s", experiment.id(), experiment.summary());
      console.print("%-14s %s", "", experiment.paper());
      console.object(
          Map.of(
              "id", experiment.id(),
              "summary", experiment.summary(),
              "paper", experiment.paper()));
    }
    return 0;
  }

  private List<Sample> samples(Path model, LoadedModel loaded, Console console) {
    if (data != null) {
      List<Sample> samples =
          ModelFiles.dataset(loaded.info(), ImageFolder.expand(data), console::note).samples();
      SeenWarning.of(model, samples, loaderThreads);
      return samples;
    }
    requireRun(model);
    return RunFolder.splitOf(model).part(Split.Part.VAL);
  }

  private Path folder(Path model) {
    return data != null
        ? ImageFolder.expand(data)
        : ImageFolder.expand(RunFolder.recordOf(model).orElseThrow().options().data());
  }

  private void requireRun(Path model) {
    if (RunFolder.folderOf(model).isEmpty()) {
      throw new UsageError(
          Text.format(
              "%s belongs to no run, so nothing says which images to look at: ./jresnet lab %s DATA"
                  + " --out %s",
              model, Text.shellWord(modelPath), Text.shellWord(out)));
    }
  }

  private static Map<String, Object> values(LabIndex index) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("network", index.network());
    values.put("images", index.images());
    index.experiments().forEach(e -> values.put(e.id(), e.finding()));
    return values;
  }

  /** A line for each experiment and each of its steps. */
  private record Lines(Console console) implements LabListener {
    @Override
    public void begins(Experiment experiment) {
      console.print("%n%s: %s", experiment.id(), experiment.summary());
    }

    @Override
    public void step(String what) {
      console.print("  %s", what);
    }

    @Override
    public void note(String text) {
      console.note(text);
    }

    @Override
    public void found(LabIndex.Entry entry) {
      console.print("%s (%.1f s)", entry.finding(), entry.seconds());
    }
  }
}
