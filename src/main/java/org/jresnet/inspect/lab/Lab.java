package org.jresnet.inspect.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Csv;
import org.jresnet.base.Json;
import org.jresnet.base.Png;
import org.jresnet.base.Stopped;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Sample;
import org.jresnet.engine.Compute;
import org.jresnet.train.Classifier;
import org.jresnet.train.EvaluationFile;

/**
 * Runs experiments and keeps what they find in a folder: {@code lab.json}, a {@link LabIndex}, and
 * for each experiment {@code <id>.csv}, {@code <id>.json} and {@code <id>.png}. What is trained
 * lies in {@code runs}. Whatever is finished stays when the lab is stopped.
 */
public final class Lab {
  private static final String RUNS = "runs";
  private static final String TABLE = ".csv";
  private static final String WHOLE = ".json";
  private static final String PICTURE = ".png";

  /** Digits of fractions in tables. */
  private static final int DIGITS = 6;

  private final Path out;
  private final LabSettings settings;
  private final LabListener listener;
  private final BooleanSupplier stop;

  /**
   * A lab that writes into a folder; see {@link #open}.
   *
   * @param stop whether the user wants it to end
   */
  public Lab(Path out, LabSettings settings, LabListener listener, BooleanSupplier stop) {
    this.out = out;
    this.settings = settings;
    this.listener = listener;
    this.stop = stop;
  }

  /**
   * Makes the folder, before any work, and takes the results of an earlier lab out of it.
   *
   * @throws UserError when it holds a lab that may not be replaced, runs of somebody else, or
   *     cannot be made
   */
  public static void open(Path out, boolean overwrite) {
    boolean lab = Files.exists(out.resolve(LabIndex.FILE), LinkOption.NOFOLLOW_LINKS);
    if (lab && !overwrite) {
      throw new UserError(
          Text.format(
              "%s holds the results of a lab; choose another --out, or --overwrite to replace them",
              out));
    }
    if (!lab && Files.exists(out.resolve(RUNS), LinkOption.NOFOLLOW_LINKS)) {
      throw new UserError(
          Text.format(
              "%s holds a folder %s, which is not of a lab; choose another --out", out, RUNS));
    }
    try {
      Files.createDirectories(out);
      for (Experiment experiment : Experiments.all()) {
        for (String end : List.of(TABLE, WHOLE, PICTURE)) {
          if (lab) {
            Files.deleteIfExists(out.resolve(experiment.id() + end));
          }
        }
      }
    } catch (IOException e) {
      throw new UserError(Text.format("the folder %s cannot be made or emptied: %s", out, e), e);
    }
  }

  /**
   * Runs experiments one after the other. One that the network has nothing to do with is left out
   * with a note.
   *
   * @param samples the images to look at
   * @param command for the record
   * @param model for the record
   * @return what was done
   * @throws UserError when nothing could be done
   * @throws Stopped when it was stopped; what was finished is saved
   */
  public LabIndex run(
      List<Experiment> experiments,
      Classifier classifier,
      Compute compute,
      List<Sample> samples,
      Map<String, String> command) {
    Images images =
        Images.read(
            samples, settings.images(), settings.seed(), classifier.preprocess(), listener::note);
    LabContext context =
        new LabContext(classifier, images, compute, settings, out.resolve(RUNS), listener, stop);
    LabIndex index =
        new LabIndex(
            LabIndex.FORMAT,
            command.get("command"),
            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            command.get("model"),
            context.graph().name(),
            settings.data().toString(),
            images.count(),
            settings.epochs(),
            settings.seed(),
            EvaluationFile.Environment.of(classifier).values(),
            List.of());
    // From here on the folder is a lab's, and what lies in it may be replaced.
    AtomicFile.write(out.resolve(LabIndex.FILE), Json.pretty(index));
    UserError refused = null;
    for (Experiment experiment : experiments) {
      listener.begins(experiment);
      long start = System.nanoTime();
      try {
        Result result = experiment.run(context);
        index = save(index, experiment, result, (System.nanoTime() - start) / 1e9);
      } catch (Stopped e) {
        throw e;
      } catch (UserError e) {
        refused = e;
        listener.note(Text.format("%s is left out: %s", experiment.id(), e.getMessage()));
      }
    }
    if (refused != null && index.experiments().isEmpty()) {
      throw refused;
    }
    return index;
  }

  /** The index comes last, so that it names no file that is not there. */
  private LabIndex save(LabIndex index, Experiment experiment, Result result, double seconds) {
    String id = experiment.id();
    List<List<Object>> rows =
        result.rows().stream().map(row -> row.stream().map(Lab::rounded).toList()).toList();
    LabIndex.Entry entry =
        new LabIndex.Entry(
            id,
            experiment.summary(),
            experiment.paper(),
            result.finding(),
            result.columns(),
            rows,
            id + PICTURE,
            Math.round(10 * seconds) / 10.0);
    List<List<String>> records = new ArrayList<>(List.of(result.columns()));
    rows.forEach(row -> records.add(row.stream().map(String::valueOf).toList()));
    Csv.write(out.resolve(id + TABLE), records);
    Png.write(Drawing.draw(result.panels()), out.resolve(entry.picture()));
    AtomicFile.write(out.resolve(id + WHOLE), Json.pretty(entry));
    List<LabIndex.Entry> done = new ArrayList<>(index.experiments());
    done.add(entry);
    LabIndex longer =
        new LabIndex(
            index.format(),
            index.command(),
            index.time(),
            index.model(),
            index.network(),
            index.data(),
            index.images(),
            index.epochs(),
            index.seed(),
            index.environment(),
            done);
    AtomicFile.write(out.resolve(LabIndex.FILE), Json.pretty(longer));
    listener.found(entry);
    return longer;
  }

  /** Fractions to as many digits as mean something. */
  private static Object rounded(Object value) {
    return value instanceof Double d && Double.isFinite(d)
        ? new java.math.BigDecimal(d).round(new java.math.MathContext(DIGITS)).doubleValue()
        : value;
  }
}
