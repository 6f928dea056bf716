package org.jresnet.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageFolder;
import org.jresnet.engine.Compute;
import org.jresnet.metrics.Interval;
import org.jresnet.metrics.PairedComparison;
import org.jresnet.train.Evaluation;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.Scored;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet compare}. */
@Command(
    name = "compare",
    sortOptions = false,
    description = {
      "Says whether one model is better than another on the same images: paired differences with 95 %% intervals"
          + " (bootstrap), and p-values for the area (DeLong) and for the verdicts (McNemar)."
    })
final class CompareCommand implements Callable<Integer> {
  private static final long SEED = 1;

  @Parameters(
      index = "0",
      paramLabel = "FIRST",
      description = "Run folder, .safetensors or .pth file.")
  private String first;

  @Parameters(index = "1", paramLabel = "SECOND", description = "The other model.")
  private String second;

  @Parameters(index = "2", paramLabel = "DATA", description = "Folder with one folder per class.")
  private String data;

  @Mixin private ModelOptions modelOptions;

  @Mixin private SetOptions setOptions;

  @Heading("Output")
  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() {
    Console console = new Console(json);
    List<Path> models = List.of(ImageFolder.expand(first), ImageFolder.expand(second));
    Path root = ImageFolder.expand(data);
    List<LoadedModel> loaded = new ArrayList<>();
    List<Dataset> sets = new ArrayList<>();
    for (String path : List.of(first, second)) {
      LoadedModel model = modelOptions.open(path, console);
      loaded.add(model);
      sets.add(ModelFiles.dataset(model.info(), root, console::note));
    }
    requireSameClasses(sets);
    setOptions.grouping(sets);
    for (int m = 0; m < models.size(); m++) {
      setOptions.seen(models.get(m), sets.get(m));
    }
    List<Evaluation> results = new ArrayList<>();
    try (Compute compute = backendOptions.open(console)) {
      for (int m = 0; m < models.size(); m++) {
        results.add(
            setOptions.evaluate(console, loaded.get(m), models.get(0), sets.get(m), compute));
      }
    }
    PairedComparison c = compare(results.get(0), results.get(1));
    print(console, c, results.get(0));
    console.object(values(c, results.get(0)));
    return results.stream().allMatch(e -> e.badImages().isEmpty()) ? 0 : 1;
  }

  private void requireSameClasses(List<Dataset> sets) {
    if (!sets.get(0).classes().equals(sets.get(1).classes())) {
      throw new UserError(
          Text.format(
              "the models know other classes: %s has %s, %s has %s; a comparison needs the same",
              first, sets.get(0).classes(), second, sets.get(1).classes()));
    }
  }

  private static PairedComparison compare(Evaluation a, Evaluation b) {
    Map<String, Integer> places = new HashMap<>();
    for (int i = 0; i < b.images(); i++) {
      places.put(b.scored().get(i).sample().id(), i);
    }
    int[] both = new int[a.images()];
    int count = 0;
    for (int i = 0; i < a.images(); i++) {
      if (places.containsKey(a.scored().get(i).sample().id())) {
        both[count++] = i;
      }
    }
    boolean two = a.classes().size() == 2;
    double[] firstScores = two ? a.scores() : new double[0];
    double[] secondScores = two ? b.scores() : new double[0];
    int[] labels = new int[count];
    boolean[] firstRight = new boolean[count];
    boolean[] secondRight = new boolean[count];
    double[] firstKept = new double[two ? count : 0];
    double[] secondKept = new double[two ? count : 0];
    List<String> groups = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Scored one = a.scored().get(both[i]);
      int at = places.get(one.sample().id());
      int label = one.sample().label();
      labels[i] = two ? (label == a.positive() ? 1 : 0) : label;
      firstRight[i] = one.predicted() == label;
      secondRight[i] = b.scored().get(at).predicted() == label;
      if (two) {
        firstKept[i] = firstScores[both[i]];
        secondKept[i] = secondScores[at];
      }
      if (!a.groups().isEmpty()) {
        groups.add(a.groups().get(both[i]));
      }
    }
    return PairedComparison.of(
        labels,
        new PairedComparison.Verdicts(firstRight, firstKept),
        new PairedComparison.Verdicts(secondRight, secondKept),
        groups,
        SEED);
  }

  private void print(Console console, PairedComparison c, Evaluation e) {
    console.print("First %s, second %s, on the same %d images:", first, second, e.images());
    PairedComparison.Difference accuracy = c.accuracy();
    console.print(
        "  accuracy  %.2f %% and %.2f %%, difference %+.2f %%%s",
        100 * accuracy.first(),
        100 * accuracy.second(),
        100 * accuracy.value(),
        accuracy.interval().map(i -> " (" + signedPercent(i) + ")").orElse(""));
    console.print(
        "            only the first is right on %d images, only the second on %d: McNemar's p %s",
        c.verdicts().onlyFirst(), c.verdicts().onlySecond(), p(c.verdicts().pValue()));
    c.auc()
        .ifPresent(
            auc -> {
              console.print(
                  "  AUC       %.4f and %.4f, difference %+.4f%s",
                  auc.first(),
                  auc.second(),
                  auc.value(),
                  auc.interval()
                      .map(i -> Text.format(" (%+.4f to %+.4f)", i.low(), i.high()))
                      .orElse(""));
              console.print(
                  "            DeLong's p %s",
                  c.aucPValue().isPresent()
                      ? p(c.aucPValue().getAsDouble())
                      : "undefined: neither area can vary on these images");
            });
    if (!e.groups().isEmpty()) {
      console.note(
          "the p-values take all images for independent; with groups, go by the intervals");
    }
  }

  private static String signedPercent(Interval i) {
    return Text.format("%+.2f to %+.2f %%", 100 * i.low(), 100 * i.high());
  }

  private static String p(double value) {
    return value < 1e-4 ? "below 0.0001" : Text.format("%.4f", value);
  }

  private static Map<String, Object> values(PairedComparison c, Evaluation e) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("images", e.images());
    values.put("accuracy", difference(c.accuracy()));
    values.put("only_first", c.verdicts().onlyFirst());
    values.put("only_second", c.verdicts().onlySecond());
    values.put("mcnemar_p", c.verdicts().pValue());
    Optional<PairedComparison.Difference> auc = c.auc();
    auc.ifPresent(d -> values.put("auc", difference(d)));
    OptionalDouble p = c.aucPValue();
    p.ifPresent(v -> values.put("delong_p", v));
    return values;
  }

  private static Map<String, Object> difference(PairedComparison.Difference d) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("first", d.first());
    values.put("second", d.second());
    values.put("difference", d.value());
    d.interval().ifPresent(i -> values.put("difference_interval", List.of(i.low(), i.high())));
    return values;
  }
}
