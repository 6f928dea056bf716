package org.jresnet.train;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Digests;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.ContentHashes;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Split;
import org.jresnet.engine.Model;
import org.jresnet.weights.ModelInfo;

/**
 * The folder of a run. While it is open, no other process trains into it; nothing in it changes
 * before {@link #begin}.
 *
 * <p>{@code last.ckpt} decides where the run stands. The weights of a new best epoch lie beside
 * {@code best.safetensors} until the checkpoint that knows them is there, so that the two always
 * fit.
 */
public final class RunFolder implements AutoCloseable {
  /** What happens when the folder already holds something. */
  public enum Existing {
    /** Refused. */
    REFUSE,
    /** The run in it goes on. */
    RESUME,
    /**
     * jresnet's own files give way to the new run's when that has its first checkpoint; foreign
     * files stay.
     */
    OVERWRITE
  }

  /** The best epoch's weights. */
  public static final String BEST = "best.safetensors";

  /** Where the run stands. */
  public static final String LAST = "last.ckpt";

  static final String RUN = "run.json";
  public static final String CALIBRATION = "calibration.json";
  static final String METRICS = "metrics.csv";
  public static final String SPLIT = "split.csv";
  static final String CURVES = "curves.png";

  /** Folder of evaluations; the test's are {@code test.json} and {@code test-predictions.csv}. */
  public static final String EVALUATIONS = "evaluations";

  static final String HASHES = ".hashes.csv";
  private static final String NEXT_BEST = ".next-best.safetensors";
  private static final List<String> OWN =
      List.of(
          BEST,
          LAST,
          RUN,
          METRICS,
          SPLIT,
          SealedTest.SEAL,
          CURVES,
          CALIBRATION,
          EVALUATIONS,
          "robustness",
          HASHES,
          NEXT_BEST,
          // Of older versions.
          "test.json",
          "test-predictions.csv");

  private final Path path;
  private final Existing existing;
  private final Consumer<String> notes;
  private final PreviousRun previous;
  private final boolean leads;
  private RunLock lock;
  private boolean replacing;

  private RunFolder(Path path, Existing existing, Consumer<String> notes, boolean leads) {
    this.path = path;
    this.existing = existing;
    this.notes = notes;
    this.leads = leads;
    previous = new PreviousRun(path, OWN);
  }

  /**
   * Opens the folder for a run. A folder that is not there yet is made by {@link #begin}.
   *
   * @param notes is told what the user should know
   * @throws UserError when it is not empty and neither resume nor overwrite was asked for, cannot
   *     be written, holds nothing to resume, or is in use
   */
  public static RunFolder open(Path path, Existing existing, Consumer<String> notes) {
    RunFolder folder = new RunFolder(path, existing, notes, true);
    boolean opened = false;
    try {
      if (Files.isDirectory(path)) {
        folder.lockAndRecover();
      }
      folder.requireUsable();
      opened = true;
      return folder;
    } finally {
      if (!opened) {
        folder.close();
      }
    }
  }

  /** The folder of a run that another rank reads and writes; this process does neither. */
  public static RunFolder follow(Path path, Existing existing) {
    return new RunFolder(path, existing, note -> {}, false);
  }

  /** Whether this process reads and writes the folder. */
  boolean leads() {
    return leads;
  }

  private void lockAndRecover() {
    lock = RunLock.take(path, notes);
    try {
      AtomicFile.removeLeftovers(path, OWN);
      if (previous.recover()) {
        notes.accept(
            Text.format(
                "the run that was to replace the one in %s was ended before its first checkpoint; "
                    + "the old run is back",
                path));
      }
    } catch (IOException e) {
      throw cannot("be tidied up after a run that was killed", e);
    }
  }

  private void requireUsable() {
    if (existing == Existing.RESUME) {
      for (String needed : List.of(RUN, LAST)) {
        if (!Files.exists(path.resolve(needed))) {
          throw new UserError(
              Text.format("%s has no %s, so there is nothing to resume", path, needed));
        }
      }
    } else if (lock == null) {
      requireCreatable();
    } else if (existing == Existing.REFUSE) {
      requireEmpty();
    }
    if (lock != null && !Files.isWritable(path)) {
      throw new UserError(Text.format("the output folder %s is not writable", path));
    }
  }

  private void requireEmpty() {
    try (Stream<Path> entries = Files.list(path)) {
      if (entries.anyMatch(e -> !e.getFileName().toString().equals(RunLock.FILE))) {
        throw new UserError(
            Text.format(
                "the output folder %s is not empty; use --resume to continue the run in it, "
                    + "--overwrite to"
                    + " replace it, or another --out",
                path));
      }
    } catch (IOException e) {
      throw cannot("be read", e);
    }
  }

  private void requireCreatable() {
    Path above = path.toAbsolutePath();
    while (above != null && !Files.exists(above)) {
      above = above.getParent();
    }
    if (above != null && !Files.isDirectory(above)) {
      throw new UserError(
          Text.format("the output folder %s cannot be made: %s is a file", path, above));
    } else if (above != null && !Files.isWritable(above)) {
      throw new UserError(
          Text.format(
              "the output folder %s cannot be made: permission denied for %s", path, above));
    }
  }

  private UserError cannot(String what, IOException e) {
    String reason =
        e instanceof FileAlreadyExistsException
            ? e.getMessage() + " is there already"
            : e instanceof AccessDeniedException
                ? "permission denied for " + e.getMessage()
                : e.toString();
    return new UserError(Text.format("the output folder %s cannot %s: %s", path, what, reason), e);
  }

  /** The folder. */
  public Path path() {
    return path;
  }

  /** How it was opened. */
  public Existing existing() {
    return existing;
  }

  Path file(String name) {
    return path.resolve(name);
  }

  /** The run's record. */
  public RunRecord record() {
    return Json.read(file(RUN), "the record of the run", RunRecord.class);
  }

  /**
   * The record of the run that a model belongs to: a run folder, or the best weights in one.
   *
   * @throws UserError when there is a record that cannot be read
   */
  public static Optional<RunRecord> recordOf(Path model) {
    return folderOf(model)
        .map(folder -> Json.read(folder.resolve(RUN), "the record of the run", RunRecord.class));
  }

  static RunRecord requireRecord(Path out) {
    return recordOf(out)
        .orElseThrow(
            () ->
                new UserError(Text.format("%s holds no run of jresnet train to go on with", out)));
  }

  /** The run folder that a model belongs to. */
  public static Optional<Path> folderOf(Path model) {
    Path folder = Files.isDirectory(model) ? model : model.toAbsolutePath().normalize().getParent();
    boolean best = Files.isDirectory(model) || model.getFileName().toString().equals(BEST);
    return best && Files.exists(folder.resolve(RUN)) ? Optional.of(folder) : Optional.empty();
  }

  /**
   * How the images of the run that a model belongs to were divided; files may be gone since.
   *
   * @throws UserError when there is no run, or its list of images cannot be read
   */
  public static Split splitOf(Path model) {
    Path folder =
        folderOf(model)
            .orElseThrow(() -> new UserError(Text.format("%s is not the folder of a run", model)));
    Path data = ImageFolder.expand(recordOf(folder).orElseThrow().options().data());
    return Split.readCsv(folder.resolve(SPLIT), data);
  }

  /** A file in a run's folder of evaluations, which is made where it is not there yet. */
  static Path evaluation(Path folder, String name) {
    Path evaluations = folder.resolve(EVALUATIONS);
    try {
      Files.createDirectories(evaluations);
    } catch (IOException e) {
      throw new UserError(Text.format("the folder %s cannot be made: %s", evaluations, e), e);
    }
    return evaluations.resolve(name);
  }

  void write(RunRecord record) {
    AtomicFile.write(file(RUN), Json.pretty(record));
  }

  /** Hashes of images that were read before. */
  ContentHashes hashes(BooleanSupplier stop) {
    return new ContentHashes(file(HASHES), stop);
  }

  /**
   * The first change of the folder, when all is known to be well: makes it, puts an old run aside,
   * and writes what describes the new one.
   */
  void begin(RunRecord record, Split split, ContentHashes hashes, Map<String, String> contents) {
    try {
      if (lock == null) {
        Files.createDirectories(path);
        lockAndRecover();
        if (existing == Existing.REFUSE) {
          requireEmpty();
        }
      }
      if (existing == Existing.OVERWRITE) {
        replacing = previous.putAside();
      }
    } catch (IOException e) {
      throw cannot("be made ready", e);
    }
    write(record);
    AtomicFile.write(file(SPLIT), String.join("\n", split.csv()) + "\n");
    if (existing != Existing.RESUME) {
      SealedTest.seal(file(SealedTest.SEAL), split, contents);
    }
    hashes.save(file(HASHES));
  }

  /**
   * Keeps the model as the best one, as of the next checkpoint.
   *
   * @return SHA-256 of the file
   */
  String writeNextBest(Model model, ModelInfo info) {
    ModelFiles.save(model, info, file(NEXT_BEST));
    return Digests.ofFile(file(NEXT_BEST), "the weight file", () -> false);
  }

  /** A checkpoint is there: the best weights that it knows take their place, an old run goes. */
  void checkpointWritten() {
    try {
      if (Files.exists(file(NEXT_BEST))) {
        Files.move(
            file(NEXT_BEST),
            file(BEST),
            StandardCopyOption.ATOMIC_MOVE,
            StandardCopyOption.REPLACE_EXISTING);
        AtomicFile.forceFolder(path);
      }
      if (replacing) {
        previous.delete();
        replacing = false;
      }
    } catch (IOException e) {
      throw cannot("take the best weights", e);
    }
  }

  /**
   * Makes {@code best.safetensors} the file that a checkpoint knows, where a killed process left
   * the two apart.
   *
   * @param sha256 of the best weights; empty when the checkpoint knows none
   * @throws UserError when the folder has no such file
   */
  void settleBest(String sha256) {
    if (sha256.isEmpty()) {
      return;
    }
    try {
      if (is(BEST, sha256)) {
        Files.deleteIfExists(file(NEXT_BEST));
      } else if (is(NEXT_BEST, sha256)) {
        checkpointWritten();
      } else {
        throw new UserError(
            Text.format(
                "%s%s; put it back (SHA-256 %s), or start anew with another --out",
                file(BEST),
                Files.exists(file(BEST)) ? " is not the file that the run wrote" : " is missing",
                sha256));
      }
    } catch (IOException e) {
      throw cannot("take the best weights", e);
    }
  }

  private boolean is(String name, String sha256) {
    return Files.isRegularFile(file(name))
        && Digests.ofFile(file(name), "the weight file", () -> false).equals(sha256);
  }

  /** Gives the folder back; an old run whose replacement has no checkpoint yet is put back. */
  @Override
  public void close() {
    try {
      if (replacing) {
        replacing = false;
        previous.putBack();
        notes.accept(
            Text.format("the new run has no checkpoint, so the old one in %s is back", path));
      }
    } catch (IOException e) {
      throw cannot("take the old run back from " + PreviousRun.KEPT, e);
    } finally {
      if (lock != null) {
        lock.close();
      }
    }
  }
}
