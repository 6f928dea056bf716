package org.jresnet.serve.studio;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jresnet.base.Csv;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.serve.Problem;
import org.jresnet.train.FinishedRun;
import org.jresnet.train.RunFolder;
import org.jresnet.train.RunLock;
import org.jresnet.train.RunRecord;
import org.jresnet.train.TrainOptions;

/** The runs below a folder, as they are at this moment. */
final class RunList {
  /** Folders below the root that are looked into. */
  private static final int DEPTH = 3;

  private static final String RECORD = "run.json";

  /**
   * A run.
   *
   * @param id its folder as seen from the root; how pages name it
   * @param folder of it
   */
  record Run(String id, Path folder) {}

  private final Path root;

  RunList(Path given) {
    if (!Files.exists(given)) {
      throw new UserError(
          Text.format("%s is not there; name a run folder or a folder that holds some", given));
    }
    root = Files.isDirectory(given) ? given : given.toAbsolutePath().getParent();
  }

  Path root() {
    return root;
  }

  /** All of them, by name. */
  List<Run> runs() {
    if (Files.exists(root.resolve(RECORD))) {
      Path name = root.toAbsolutePath().normalize().getFileName();
      return List.of(new Run(name == null ? "run" : name.toString(), root));
    }
    try (Stream<Path> below = Files.walk(root, DEPTH + 1)) {
      return below
          .filter(file -> file.getFileName().toString().equals(RECORD))
          .map(file -> new Run(root.relativize(file.getParent()).toString(), file.getParent()))
          .sorted(java.util.Comparator.comparing(Run::id))
          .toList();
    } catch (IOException | UncheckedIOException e) {
      // A folder vanished while it was read, or may not be read: what is left is seen next time.
      return List.of();
    }
  }

  /**
   * The run that a page names.
   *
   * @throws Problem when it is not there, or not any more
   */
  Run of(String id) {
    List<Run> all = runs();
    return all.stream()
        .filter(run -> run.id().equals(id))
        .findFirst()
        .orElseThrow(
            () ->
                new Problem(
                    404,
                    Text.format(
                        "there is no run '%s' in %s (any more); there are: %s",
                        id, root, all.stream().map(Run::id).collect(Collectors.joining(", ")))));
  }

  /** What is known of all runs; one that cannot be read says why. */
  List<Map<String, Object>> summaries() {
    List<Map<String, Object>> all = new ArrayList<>();
    for (Run run : runs()) {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("id", run.id());
      try {
        describe(run, values);
      } catch (UserError e) {
        values.put("state", "unreadable");
        values.put("note", e.headline());
      }
      all.add(values);
    }
    return all;
  }

  private static void describe(Run run, Map<String, Object> values) {
    RunRecord record = RunFolder.recordOf(run.folder()).orElseThrow(() -> gone(run));
    TrainOptions options = record.options();
    values.put("model", options.network().model());
    values.put("width", options.network().width());
    values.put("classes", record.classes());
    values.put("data", options.data());
    values.put("epochs", options.epochs());
    values.put("batch", options.batch());
    values.put("learning_rate", options.optimizer().learningRate());
    values.put("optimizer", options.optimizer().kind().id());
    values.put("precision", options.network().precision().id());
    values.put("size", options.input().preprocess().size());
    values.put("metrics", metrics(run.folder().resolve("metrics.csv")));
    OptionalLong process = RunLock.holder(run.folder());
    if (process.isPresent()) {
      values.put("state", "training");
      values.put("process", process.getAsLong());
      return;
    }
    try {
      FinishedRun.require(run.folder());
      values.put("state", "finished");
    } catch (UserError e) {
      values.put("state", "stopped");
      values.put("note", e.headline());
    }
  }

  private static UserError gone(Run run) {
    return new UserError(Text.format("%s is not there any more", run.folder()));
  }

  /** Columns by name; every whole line of the table. */
  private static Map<String, Object> metrics(Path file) {
    Map<String, Object> columns = new LinkedHashMap<>();
    if (!Files.exists(file)) {
      return columns;
    }
    List<List<String>> lines = Csv.read(file);
    List<String> header = lines.isEmpty() ? List.of() : lines.get(0);
    for (int c = 0; c < header.size(); c++) {
      List<Object> cells = new ArrayList<>();
      for (List<String> line : lines.subList(1, lines.size())) {
        cells.add(c < line.size() ? cell(line.get(c)) : null);
      }
      columns.put(header.get(c), cells);
    }
    return columns;
  }

  private static Object cell(String text) {
    try {
      double value = Double.parseDouble(text);
      return Double.isFinite(value) ? value : null;
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
