package org.jresnet.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.base.AtomicFile;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageFolder;
import org.jresnet.engine.Model;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.Predictor;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet predict}. */
@Command(
    name = "predict",
    sortOptions = false,
    description = "Classifies pictures; folders are walked.")
final class PredictCommand implements Callable<Integer> {
  private static final int TOP = 5;

  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description = "Run folder, .safetensors or .pth file.")
  private String modelPath;

  @Parameters(
      index = "1..*",
      arity = "1..*",
      paramLabel = "PICTURE",
      description = "Files and folders.")
  private List<String> pictures;

  @Mixin private ModelOptions modelOptions;

  @Option(
      names = "--csv",
      paramLabel = "FILE",
      description = "Also write the results to this file.")
  private Path csv;

  @Option(
      names = "--json",
      description = "Print one JSON object per picture; all else goes to standard error.")
  private boolean json;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() {
    Console console = new Console(json);
    LoadedModel loaded = modelOptions.open(modelPath, console);
    List<String> classes = loaded.info().classes();
    List<Path> files = ImageFolder.pictures(pictures.stream().map(ImageFolder::expand).toList());
    List<String> rows = new ArrayList<>(List.of(csvHeader(classes)));
    int failed = 0;
    try (Backend backend = backendOptions.open(console)) {
      Precision precision = backendOptions.resolve(backend, console);
      try (Model model = new Model(loaded.graph(), backend, precision)) {
        ModelFiles.load(model, loaded.weights(), modelPath).forEach(console::note);
        try (Predictor predictor =
            new Predictor(model, loaded.info(), modelOptions.preprocess(loaded.info()))) {
          for (Path file : files) {
            try {
              Predictor.Prediction p = predictor.predict(file);
              print(console, p, classes);
              console.object(values(p, classes));
              rows.add(csvRow(p, classes));
            } catch (BadImageException e) {
              failed++;
              System.err.println("jresnet: " + e.getMessage());
              rows.add(
                  quote(file.toString())
                      + ",".repeat(classes.size() + 4)
                      + ","
                      + quote(e.getMessage()));
            }
          }
        }
      }
    }
    if (csv != null) {
      AtomicFile.write(csv, String.join("\n", rows) + "\n");
    }
    if (failed > 0) {
      System.err.println(
          "jresnet: " + failed + " of " + files.size() + " pictures could not be classified");
    }
    return failed == 0 ? 0 : 1;
  }

  /** One line per picture, and the runners-up where there are many classes. */
  static void print(Console console, Predictor.Prediction p, List<String> classes) {
    console.print(
        "%s  %s  %.2f %%   preprocess %.1f ms  inference %.1f ms (%.1f FPS, median of warm runs)",
        p.file(),
        classes.get(p.best()),
        100 * p.probabilities()[p.best()],
        p.preprocessMillis(),
        p.inferenceMillis(),
        1000 / p.inferenceMillis());
    if (classes.size() > TOP) {
      IntStream.range(0, classes.size())
          .boxed()
          .sorted(Comparator.comparingDouble((Integer k) -> -p.probabilities()[k]))
          .limit(TOP)
          .forEach(
              k -> console.print("    %-24s %6.2f %%", classes.get(k), 100 * p.probabilities()[k]));
    }
  }

  private static Map<String, Object> values(Predictor.Prediction p, List<String> classes) {
    Map<String, Double> probabilities = new LinkedHashMap<>();
    for (int k = 0; k < classes.size(); k++) {
      probabilities.put(classes.get(k), p.probabilities()[k]);
    }
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("file", p.file().toString());
    values.put("class", classes.get(p.best()));
    values.put("probability", p.probabilities()[p.best()]);
    values.put("probabilities", probabilities);
    values.put("preprocess_ms", p.preprocessMillis());
    values.put("inference_ms", p.inferenceMillis());
    return values;
  }

  private static String csvHeader(List<String> classes) {
    StringBuilder header = new StringBuilder("file,class,probability");
    classes.forEach(c -> header.append(',').append(quote("p(" + c + ")")));
    return header.append(",preprocess_ms,inference_ms,error").toString();
  }

  private static String csvRow(Predictor.Prediction p, List<String> classes) {
    StringBuilder row = new StringBuilder(quote(p.file().toString()));
    row.append(',')
        .append(quote(classes.get(p.best())))
        .append(',')
        .append(p.probabilities()[p.best()]);
    for (double probability : p.probabilities()) {
      row.append(',').append(probability);
    }
    return row.append(
            String.format(Locale.ROOT, ",%.3f,%.3f,", p.preprocessMillis(), p.inferenceMillis()))
        .toString();
  }

  /** RFC 4180. */
  private static String quote(String text) {
    return text.matches("[^,\"\\r\\n]*") ? text : '"' + text.replace("\"", "\"\"") + '"';
  }
}
