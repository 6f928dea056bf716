package org.jresnet.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.JpegDecoder;
import org.jresnet.detect.Figures;
import org.jresnet.detect.SourceMatrix;
import org.jresnet.engine.Compute;
import org.jresnet.train.Evaluation;
import org.jresnet.train.EvaluationFile;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code jresnet matrix}. */
@Command(
    name = "matrix",
    sortOptions = false,
    description = {
      "Evaluates several models on several sources of images: what a detector that was trained on"
          + " one source is worth on the others."
    })
final class MatrixCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(
      arity = "1..*",
      paramLabel = "MODEL",
      description = "Run folders, .safetensors or .pth files.")
  private List<String> models;

  @Option(
      names = "--sets",
      required = true,
      arity = "1..*",
      paramLabel = "DATA",
      description = "Folders with one folder per class, named as the models' classes.")
  private List<String> sets;

  @Mixin private ModelOptions modelOptions;

  @Mixin private SetOptions setOptions;

  @Heading("Output")
  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for matrix.json, matrix.csv and matrix.png; made if it is not there.")
  private Path out;

  @Option(names = "--overwrite", description = "Replace these files if they exist.")
  private boolean overwrite;

  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() {
    requireOut();
    Console console = new Console(json);
    List<Path> modelPaths = models.stream().map(ImageFolder::expand).toList();
    List<Path> setPaths = sets.stream().map(ImageFolder::expand).toList();
    // Whatever is wrong with one of them is said before the first is evaluated.
    for (String model : models) {
      datasets(modelOptions.open(model, console), setPaths, console);
    }
    List<List<SourceMatrix.Cell>> rows = new ArrayList<>();
    boolean whole = true;
    Map<String, Object> origin = new LinkedHashMap<>();
    try (Compute compute = backendOptions.open(console)) {
      for (int m = 0; m < models.size(); m++) {
        LoadedModel loaded = modelOptions.open(models.get(m), console);
        List<SourceMatrix.Cell> row = new ArrayList<>();
        for (Dataset set : datasets(loaded, setPaths, console)) {
          Map<String, Integer> seen = setOptions.seen(modelPaths.get(m), set);
          Evaluation e = setOptions.evaluate(console, loaded, modelPaths.get(m), set, compute);
          whole &= e.badImages().isEmpty();
          row.add(new SourceMatrix.Cell(Figures.of(e), seen));
        }
        rows.add(row);
      }
      origin.put("command", CommandText.of(spec));
      origin.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
      origin.put(
          "environment",
          new EvaluationFile.Environment(
                  compute.backend().description(), compute.precision().id(), JpegDecoder.CPU.id())
              .values());
      origin.put("group", setOptions.group());
      origin.put("run_paths", absolute(modelPaths));
      origin.put("set_paths", absolute(setPaths));
    }
    List<String> runNames = SourceMatrix.names(modelPaths);
    List<String> setNames = SourceMatrix.names(setPaths);
    SourceMatrix matrix = new SourceMatrix(runNames, setNames, rows);
    print(console, "Accuracy", runNames, setNames, rows, Figures::accuracyText);
    print(console, "AUC", runNames, setNames, rows, Figures::aucText);
    print(console, "EER", runNames, setNames, rows, Figures::eerText);
    if (rows.stream().flatMap(List::stream).anyMatch(SourceMatrix.Cell::known)) {
      console.print("%n! the model has seen some of these images, see the warnings");
    }
    matrix.write(out, origin);
    console.print("%nSaved in %s: %s", out, String.join(", ", SourceMatrix.FILES));
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("runs", runNames);
    values.put("sets", setNames);
    values.put("cells", matrix.cells());
    console.object(values);
    return whole ? 0 : 1;
  }

  private void requireOut() {
    try {
      Files.createDirectories(out);
    } catch (IOException e) {
      throw new UserError(Text.format("the folder --out %s cannot be made: %s", out, e), e);
    }
    SourceMatrix.FILES.forEach(file -> OutputFile.require("--out", out.resolve(file), overwrite));
  }

  private List<Dataset> datasets(LoadedModel loaded, List<Path> roots, Console console) {
    List<Dataset> datasets =
        roots.stream().map(root -> ModelFiles.dataset(loaded.info(), root, console::note)).toList();
    setOptions.grouping(datasets);
    return datasets;
  }

  private static List<String> absolute(List<Path> paths) {
    return paths.stream().map(p -> p.toAbsolutePath().normalize().toString()).toList();
  }

  private static void print(
      Console console,
      String title,
      List<String> runs,
      List<String> sets,
      List<List<SourceMatrix.Cell>> rows,
      Function<Figures, String> figure) {
    console.print("%n%s, with 95 %% intervals (rows: models, columns: sets)", title);
    StringBuilder head = new StringBuilder(Text.format("%-20s", ""));
    sets.forEach(set -> head.append(Text.format("  %-30s", set)));
    console.print("%s", head.toString().stripTrailing());
    for (int r = 0; r < runs.size(); r++) {
      StringBuilder line = new StringBuilder(Text.format("%-20s", runs.get(r)));
      for (SourceMatrix.Cell cell : rows.get(r)) {
        String mark = cell.known() ? "!" : "";
        line.append(Text.format("  %-30s", figure.apply(cell.figures()) + mark));
      }
      console.print("%s", line.toString().stripTrailing());
    }
  }
}
