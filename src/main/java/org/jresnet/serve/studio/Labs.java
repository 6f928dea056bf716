package org.jresnet.serve.studio;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.inspect.lab.Experiments;
import org.jresnet.inspect.lab.LabIndex;
import org.jresnet.serve.Call;
import org.jresnet.serve.Problem;

/** Results of {@code jresnet lab} below the folder, and labs that the page starts. */
final class Labs {
  private static final String OUTPUT = ".studio-lab.log";
  private static final Pattern EXPERIMENT = Pattern.compile("[a-z][a-z-]*");
  private static final int DEPTH = 3;
  private static final int LINES = 3;

  private final RunList runs;
  private final Program program;
  private final Map<String, Process> started = new ConcurrentHashMap<>();

  Labs(RunList runs, Program program) {
    this.runs = runs;
    this.program = program;
  }

  private List<Path> folders() {
    try (Stream<Path> below = Files.walk(runs.root(), DEPTH)) {
      return below
          .filter(f -> f.getFileName().toString().equals(LabIndex.FILE))
          .map(Path::getParent)
          .sorted()
          .toList();
    } catch (IOException | UncheckedIOException e) {
      // A folder vanished while it was read: what is left is seen next time.
      return List.of();
    }
  }

  /** All labs with what they found, and those under way with what they printed last. */
  Map<String, Object> list() {
    List<Map<String, Object>> labs = new ArrayList<>();
    for (Path folder : folders()) {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("id", runs.root().relativize(folder).toString());
      try {
        values.putAll(Json.object(folder.resolve(LabIndex.FILE), "the results of the lab"));
      } catch (UserError e) {
        values.put("note", e.headline());
      }
      labs.add(values);
    }
    List<Map<String, Object>> processes = new ArrayList<>();
    started.forEach(
        (id, process) ->
            processes.add(
                Map.of(
                    "id", id,
                    "alive", process.isAlive(),
                    "output", tail(runs.root().resolve(id).resolve(OUTPUT)))));
    return Map.of(
        "labs",
        labs,
        "processes",
        processes,
        "experiments",
        Experiments.all().stream()
            .map(e -> Map.of("id", e.id(), "summary", e.summary(), "paper", e.paper()))
            .toList());
  }

  private static String tail(Path log) {
    try (Stream<String> lines = Files.lines(log)) {
      List<String> all = lines.toList();
      return String.join("\n", all.subList(Math.max(0, all.size() - LINES), all.size()));
    } catch (IOException | UncheckedIOException e) {
      return "";
    }
  }

  /**
   * Starts a lab in a process that outlives the studio.
   *
   * @param experiments names with commas; empty for all
   */
  Map<String, Object> start(String run, String experiments) {
    Path model = runs.of(run).folder();
    if (!experiments.isEmpty()) {
      Experiments.named(List.of(experiments.split(",", -1)));
    }
    Path out = free(run);
    List<String> arguments =
        new ArrayList<>(List.of("lab", model.toAbsolutePath().toString(), "--out", out.toString()));
    if (!experiments.isEmpty()) {
      arguments.addAll(List.of("--experiment", experiments));
    }
    Process process = program.start(arguments, out.resolve(OUTPUT));
    String id = runs.root().relativize(out).toString();
    started.put(id, process);
    return Map.of("id", id, "process", process.pid());
  }

  /** A folder that is not there yet. */
  private Path free(String run) {
    Path folder;
    int number = 0;
    do {
      folder = runs.root().resolve("lab-" + Path.of(run).getFileName() + "-" + ++number);
    } while (Files.exists(folder));
    return folder;
  }

  /** The picture of an experiment. */
  void picture(Call call) {
    String lab = Studio.parameter(call, "lab");
    Path folder =
        folders().stream()
            .filter(f -> runs.root().relativize(f).toString().equals(lab))
            .findFirst()
            .orElseThrow(() -> new Problem(404, "there is no such lab (any more)"));
    String name = Studio.parameter(call, "experiment");
    Path file = folder.resolve(name + ".png");
    if (!EXPERIMENT.matcher(name).matches() || !Files.isRegularFile(file)) {
      throw new Problem(404, "the lab has no picture of such an experiment");
    }
    try {
      call.send("image/png", Files.readAllBytes(file));
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be read: %s", file, e), e);
    }
  }
}
