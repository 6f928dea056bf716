package org.jresnet.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jresnet.backend.Precision;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageFolder;
import org.jresnet.export.box.BoxManifest;
import org.jresnet.export.box.BoxManifest.BoxModel;
import org.jresnet.export.box.Verification;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet verify}. */
@Command(
    name = "verify",
    sortOptions = false,
    description =
        "Checks an unpacked box of jresnet bundle: every file's hash, and that this machine computes"
            + " the golden logits. The last line says OK or FAILED.")
final class VerifyCommand implements Callable<Integer> {
  private static final String GREEN = "\u001b[32mOK\u001b[0m";
  private static final String RED = "\u001b[31mFAILED\u001b[0m";

  @Parameters(index = "0", paramLabel = "BOX", description = "Folder of the unpacked box.")
  private String path;

  @Option(
      names = "--only",
      paramLabel = "TYPE",
      description = "Only the model in that precision: fp32 or int8.")
  private String only;

  @Option(
      names = "--time",
      paramLabel = "SECONDS",
      description =
          "Instead, time one image after the other for so long; --only says in which precision.")
  @Within(min = 0.1, max = 3600)
  private Double seconds;

  @Option(names = "--json", description = "Print the result as a JSON object.")
  private boolean json;

  @Mixin private ThreadOptions threads;

  @Override
  public Integer call() {
    threads.check();
    Console console = new Console(json);
    Verification verification = Verification.of(ImageFolder.expand(path));
    List<BoxModel> models =
        verification.models().stream()
            .filter(m -> only == null || m.precision().equals(only))
            .toList();
    if (models.isEmpty()) {
      throw new UsageError(
          Text.format(
              "the box holds %s for jresnet, not '%s'",
              verification.models().stream().map(BoxModel::precision).toList(), only));
    }
    List<BoxModel> possible = new ArrayList<>();
    for (BoxModel model : models) {
      Optional<String> reason = Verification.impossible(Precision.of(model.precision()));
      reason.ifPresent(r -> console.note(Text.format("%s is left out: %s", model.precision(), r)));
      if (reason.isEmpty()) {
        possible.add(model);
      }
    }
    if (possible.isEmpty()) {
      throw new UserError("this machine can compute none of the models in the box");
    }
    return seconds == null
        ? verify(console, verification, possible)
        : time(console, verification, possible);
  }

  private int verify(Console console, Verification verification, List<BoxModel> models) {
    BoxManifest manifest = verification.manifest();
    console.print(
        "%s for %s, made %s by jresnet %s",
        manifest.provenance().network(), manifest.needs(), manifest.made(), manifest.jresnet());
    Map<String, String> wrong = verification.files();
    wrong.forEach((name, what) -> console.print("  %s %s", name, what));
    console.print(
        "files  %d of %d as they were made",
        manifest.files().size() - wrong.size(), manifest.files().size());
    List<Map<String, Object>> results = new ArrayList<>();
    boolean good = wrong.isEmpty();
    for (BoxModel model : models) {
      Verification.Result r = verification.run(model);
      console.print(
          "%-5s  %d of %d golden images in the same class, largest difference %.2g (allowed %.2g)",
          model.precision(), r.same(), r.images(), r.difference(), model.tolerance());
      good &= r.good();
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("precision", model.precision());
      values.put("images", r.images());
      values.put("same", r.same());
      values.put("difference", r.difference());
      values.put("tolerance", model.tolerance());
      values.put("good", r.good());
      results.add(values);
    }
    last(console, good);
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("good", good);
    values.put("wrong_files", wrong);
    values.put("models", results);
    console.object(values);
    return good ? 0 : 1;
  }

  private static void last(Console console, boolean good) {
    String word = good ? "OK" : "FAILED";
    String says =
        good
            ? "this machine computes what the box promises"
            : "do not use this box here; copy it again, or make it anew";
    if (Console.terminal()) {
      Console.out().print((good ? GREEN : RED) + "  " + says + "\n");
    } else {
      console.print("%s  %s", word, says);
    }
  }

  private int time(Console console, Verification verification, List<BoxModel> models) {
    for (BoxModel model : models) {
      Verification.Timing t = verification.time(model, seconds);
      console.print(
          "%-5s  median %.1f ms, p95 %.1f ms, %.1f images/s one at a time, %d MB of memory (%d runs)",
          t.precision(), t.median(), t.p95(), 1000 / t.median(), t.megabytes(), t.runs());
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("precision", t.precision());
      values.put("median_ms", t.median());
      values.put("p95_ms", t.p95());
      values.put("images_per_second", 1000 / t.median());
      values.put("memory_mb", t.megabytes());
      values.put("runs", t.runs());
      console.object(values);
    }
    return 0;
  }
}
