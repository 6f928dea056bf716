package org.jresnet.serve.studio;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.detect.report.Thumbnails;
import org.jresnet.serve.Call;
import org.jresnet.serve.Problem;
import org.jresnet.train.RunFolder;

/** What evaluations of a run have found: confusion, and the surest wrong verdicts. */
final class Evaluations {
  private static final List<String> SHOWN =
      List.of("name", "kind", "data", "time", "accuracy", "loss", "images", "classes", "confusion");

  private final RunList runs;

  Evaluations(RunList runs) {
    this.runs = runs;
  }

  /** All evaluations of a run, by name. */
  List<Map<String, Object>> of(String id) {
    List<Map<String, Object>> all = new ArrayList<>();
    for (Path file : files(runs.of(id).folder())) {
      Map<String, Object> found = Json.object(file, "the evaluation");
      Map<String, Object> values = new LinkedHashMap<>();
      SHOWN.forEach(key -> values.put(key, found.get(key)));
      values.put("file", file.getFileName().toString());
      values.put("errors", found.getOrDefault("errors", List.of()));
      all.add(values);
    }
    return all;
  }

  private static List<Path> files(Path run) {
    Path folder = run.resolve(RunFolder.EVALUATIONS);
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.filter(f -> f.toString().endsWith(".json")).sorted().toList();
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be read: %s", folder, e), e);
    }
  }

  /** The middle of an image that was judged wrongly: of that evaluation the one of that number. */
  void thumbnail(Call call) {
    Path run = runs.of(Studio.parameter(call, "run")).folder();
    String wanted = Studio.parameter(call, "file");
    int number = Studio.number(call, "number");
    Path evaluation =
        files(run).stream()
            .filter(f -> f.getFileName().toString().equals(wanted))
            .findFirst()
            .orElseThrow(() -> new Problem(404, "the run has no such evaluation"));
    Object errors = Json.object(evaluation, "the evaluation").get("errors");
    if (!(errors instanceof List<?> list)
        || number < 0
        || number >= list.size()
        || !(list.get(number) instanceof Map<?, ?> error)
        || !(error.get("file") instanceof String file)) {
      throw new Problem(404, "the evaluation lists no such error");
    }
    try {
      call.send("image/jpeg", Thumbnails.jpeg(Path.of(file)));
    } catch (IOException e) {
      throw new Problem(404, Text.format("%s cannot be shown: %s", file, e.getMessage()));
    }
  }
}
