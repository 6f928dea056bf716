package org.jresnet.detect.report;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.detect.SourceMatrix;

/** Models against sources, the file of a {@link SourceMatrix}. */
final class MatrixSection {
  private MatrixSection() {}

  static Map<String, Object> of(Path folder) {
    Path file = folder.resolve(SourceMatrix.FILES.get(0));
    JsonTree matrix =
        JsonTree.read(file, "a matrix of models and sources")
            .orElseThrow(
                () ->
                    new UserError(
                        Text.format(
                            "%s does not exist; name the folder of jresnet matrix --out", file)));
    List<JsonTree> cells = matrix.objects("cells");
    boolean area = cells.stream().allMatch(c -> c.number("auc").isPresent());
    String figure = area ? "auc" : "accuracy";
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("measure", area ? "AUC" : "Accuracy");
    model.put("sets", matrix.texts("sets"));
    model.put(
        "rows",
        matrix.texts("runs").stream()
            .map(
                run ->
                    Map.of(
                        "model",
                        run,
                        "cells",
                        cells.stream()
                            .filter(c -> c.text("run").orElse("").equals(run))
                            .map(c -> cell(c, figure))
                            .toList()))
            .toList());
    return model;
  }

  private static Map<String, Object> cell(JsonTree c, String figure) {
    double value = c.number(figure).orElse(Double.NaN);
    double strength = Double.isNaN(value) ? 0 : Math.max(0, 2 * value - 1);
    return Map.of(
        "value",
        Numbers.fraction(value),
        "interval",
        Numbers.interval(c, figure + "_interval").map(Numbers::fractions).orElse("no interval"),
        "shade",
        String.format(Locale.ROOT, "%.2f", 0.6 * strength));
  }
}
