package org.jresnet.detect.report;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.Csv;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * The predictions of an evaluation, as its CSV file holds them.
 *
 * @param ids of the images
 * @param labels true classes
 * @param probabilities one row per image
 */
record Predictions(List<String> ids, int[] labels, double[][] probabilities) {
  /**
   * Reads {@code file,class,predicted,p(…),…}.
   *
   * @throws UserError when the file is none of predictions of these classes
   */
  static Predictions read(Path file, List<String> classes) {
    List<List<String>> rows = Csv.read(file);
    List<String> header = new ArrayList<>(List.of("file", "class", "predicted"));
    classes.forEach(name -> header.add("p(" + name + ")"));
    if (rows.isEmpty() || !startsWith(rows.get(0), header)) {
      throw new UserError(
          Text.format("%s: expected the first line %s", file, String.join(",", header)));
    }
    int count = rows.size() - 1;
    List<String> ids = new ArrayList<>();
    int[] labels = new int[count];
    double[][] probabilities = new double[count][classes.size()];
    for (int i = 0; i < count; i++) {
      List<String> row = rows.get(i + 1);
      if (row.size() < header.size()) {
        throw wrong(file, i, header.size() + " fields", row.size() + " fields");
      }
      labels[i] = classes.indexOf(row.get(1));
      if (labels[i] < 0) {
        throw wrong(file, i, "a class of " + classes, row.get(1));
      }
      ids.add(row.get(0));
      for (int k = 0; k < classes.size(); k++) {
        probabilities[i][k] = probability(file, i, row.get(3 + k));
      }
    }
    return new Predictions(ids, labels, probabilities);
  }

  private static double probability(Path file, int row, String text) {
    try {
      double p = Double.parseDouble(text);
      if (p >= 0 && p <= 1) {
        return p;
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw wrong(file, row, "a probability", text);
  }

  private static UserError wrong(Path file, int row, String expected, String found) {
    return new UserError(
        Text.format("%s, line %s: expected %s, found %s", file, row + 2, expected, found));
  }

  private static boolean startsWith(List<String> row, List<String> header) {
    return row.size() >= header.size() && row.subList(0, header.size()).equals(header);
  }

  int predicted(int image) {
    double[] p = probabilities[image];
    int best = 0;
    for (int k = 1; k < p.length; k++) {
      best = p[k] > p[best] ? k : best;
    }
    return best;
  }
}
