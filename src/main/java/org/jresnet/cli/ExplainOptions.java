package org.jresnet.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jresnet.base.Closing;
import org.jresnet.data.BadImageException;
import org.jresnet.detect.Explainer;
import org.jresnet.detect.Explanation;
import org.jresnet.detect.ExplanationFolder;
import org.jresnet.engine.Compute;
import org.jresnet.train.LoadedModel;
import picocli.CommandLine.Option;

/** Explanations of {@code predict}. */
@Heading("Explanation")
final class ExplainOptions {
  @Option(
      names = "--explain",
      arity = "0..1",
      fallbackValue = "explanations",
      paramLabel = "DIR",
      description = {
        "Write for each image where the verdict comes from (Grad-CAM) and which frequencies carry it, as PNG and JSON;"
            + " without DIR into 'explanations'. Gradients are computed in fp32."
      })
  private Path folder;

  @Option(
      names = "--layer",
      paramLabel = "NODE",
      description = {
        "The node whose output the map of --explain is made of; default: the last stage. Earlier nodes give finer maps."
      })
  private String layer;

  /** Explains the images of one call. */
  static final class Session implements AutoCloseable {
    private final Console console;
    private final ExplanationFolder folder;
    private final Explainer explainer;

    Session(Console console, ExplanationFolder folder, Explainer explainer) {
      this.console = console;
      this.folder = folder;
      this.explainer = explainer;
    }

    /** Writes and says what explains an image; the JSON file comes out. */
    Path explain(Path file) throws BadImageException {
      Explanation e = explainer.explain(file);
      Path json = folder.write(file, e);
      Explanation.BandEffect strongest = e.strongest();
      console.print(
          "    log-odds of '%s' %.2f; %.2f without the frequencies from %.2f to %.2f -> %s",
          e.label(),
          e.logOdds(),
          strongest.logOdds(),
          strongest.band().from(),
          strongest.band().to(),
          json);
      return json;
    }

    @Override
    public void close() {
      Closing.closeAll(List.of(explainer));
    }
  }

  /** Refuses options and files before any work; empty unless explanations were asked for. */
  Optional<ExplanationFolder> prepare(List<Path> images, boolean overwrite) {
    if (folder == null) {
      if (layer != null) {
        throw new UsageError("--layer belongs to --explain");
      }
      return Optional.empty();
    }
    return Optional.of(ExplanationFolder.open(folder, images, overwrite));
  }

  /** Opens the model a second time, for gradients. */
  Session open(Console console, ExplanationFolder into, LoadedModel loaded, Compute compute) {
    return new Session(console, into, Explainer.open(loaded, compute, Optional.ofNullable(layer)));
  }
}
