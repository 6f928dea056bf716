package org.jresnet.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Csv;
import org.jresnet.base.Digests;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.ContentHashes;
import org.jresnet.data.Grouping;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;

/**
 * The test set of a run. Training decodes none of its files: it only writes their hashes to {@code
 * test-seal.csv}. Whoever opens the seal gets the files that are still the same, and every opening
 * is counted in {@code run.json}: a figure means what it says only the first time, before anything
 * is decided by it.
 *
 * <p>While it is open, no training may go on in the run's folder.
 */
public final class SealedTest implements AutoCloseable {
  /** The hashes: {@code file,class,sha256}; the last is empty where contents were trusted. */
  static final String SEAL = "test-seal.csv";

  private static final List<String> HEADER = List.of("file", "class", "sha256");

  private final Path folder;
  private final Path data;
  private final RunRecord record;
  private final Split split;
  private final RunLock lock;
  private final List<Sample> intact = new ArrayList<>();
  private final List<String> missing = new ArrayList<>();
  private final List<String> changed = new ArrayList<>();
  private Map<String, String> hashes = Map.of();
  private boolean sealed;

  private SealedTest(Path folder, Path data, RunRecord record, Split split, RunLock lock) {
    this.folder = folder;
    this.data = data;
    this.record = record;
    this.split = split;
    this.lock = lock;
  }

  /**
   * Finds the test set of a run, and which of its files are as training sealed them. Nothing is
   * decoded or counted yet.
   *
   * @param model run folder, or the best weights in one
   * @param data the data folder, where it is not the one that the run was trained on
   * @param threads that read files
   * @param notes is told what could not be checked
   * @throws UserError when there is no run, no test set, none of its files is there, the split was
   *     changed, or the run is being trained
   */
  public static SealedTest of(
      Path model, Optional<Path> data, int threads, Consumer<String> notes) {
    Path folder =
        RunFolder.folderOf(model)
            .orElseThrow(
                () ->
                    new UserError(
                        Text.format(
                            "--test needs the folder of a run, whose test set it opens; %s is"
                                + " none. Name the folder of jresnet train --out, or the images to"
                                + " evaluate on",
                            model)));
    RunLock lock = RunLock.take(folder, notes);
    try {
      RunRecord record = RunFolder.recordOf(folder).orElseThrow();
      Path root = data.orElseGet(() -> ImageFolder.expand(record.options().data()));
      Split split = Split.readCsv(folder.resolve(RunFolder.SPLIT), root);
      if (!split.hash().equals(record.splitHash())) {
        throw new UserError(
            Text.format(
                "%s is not the split that the run was trained on: %s says otherwise. Restore it"
                    + " from a copy",
                folder.resolve(RunFolder.SPLIT), RunFolder.RUN));
      }
      if (split.part(Part.TEST).isEmpty()) {
        throw new UserError(
            Text.format(
                "the run in %s has no test set: all images were trained on or chose the epoch."
                    + " Evaluate on other images, or train with a split of three shares, such as"
                    + " --split 0.7,0.15,0.15",
                folder));
      }
      SealedTest test = new SealedTest(folder, root, record, split, lock);
      test.compare(threads, notes);
      return test;
    } catch (RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /** The test set of a run in its folder, with its data where they were. */
  public static SealedTest of(Path run) {
    return of(run, Optional.empty(), Classifier.LOADER_THREADS, note -> {});
  }

  /** Writes the seal; {@code hashes} by id are empty where contents are trusted. */
  static void seal(Path file, Split split, Map<String, String> hashes) {
    List<List<String>> rows = new ArrayList<>(List.of(HEADER));
    for (Sample s : split.part(Part.TEST)) {
      rows.add(List.of(s.id(), split.classes().get(s.label()), hashes.getOrDefault(s.id(), "")));
    }
    Csv.write(file, rows);
  }

  private void compare(int threads, Consumer<String> notes) {
    Map<String, String> then = then();
    List<Sample> present = new ArrayList<>();
    for (Sample s : split.part(Part.TEST)) {
      if (Files.isRegularFile(s.file())) {
        present.add(s);
      } else {
        missing.add(s.id());
      }
    }
    if (present.isEmpty()) {
      throw new UserError(
          Text.format(
              "none of the %s test files of the run is there, the first is %s; if the data folder"
                  + " has moved, name it: ./jresnet evaluate %s DATA --test",
              missing.size(), split.part(Part.TEST).get(0).file(), Text.shellWord(folder)));
    }
    hashes = new ContentHashes(folder.resolve("no-cache"), () -> false).of(present, threads);
    sealed = !then.isEmpty();
    if (!sealed) {
      notes.accept(
          "the run recorded no hashes of its test files: whether they are still the same cannot be"
              + " checked");
    }
    for (Sample s : present) {
      String before = then.get(s.id());
      if (before == null || before.equals(hashes.get(s.id()))) {
        intact.add(s);
      } else {
        changed.add(s.id());
      }
    }
    if (intact.isEmpty()) {
      throw new UserError(
          Text.format(
              "all %s test files were changed since the run began, the first is %s; restore them"
                  + " from a copy",
              changed.size(), changed.get(0)));
    }
  }

  /** Hashes by id when the run began, as far as they are known. */
  private Map<String, String> then() {
    Map<String, String> then = new HashMap<>();
    Path seal = folder.resolve(SEAL);
    if (!Files.exists(seal)) {
      return then;
    }
    List<List<String>> rows = Csv.read(seal);
    if (rows.isEmpty() || !rows.get(0).equals(HEADER)) {
      throw new UserError(
          Text.format("%s: expected the first line %s", seal, String.join(",", HEADER)));
    }
    for (List<String> row : rows.subList(1, rows.size())) {
      if (row.size() == HEADER.size() && !row.get(2).isEmpty()) {
        then.put(row.get(0), row.get(2));
      }
    }
    return then;
  }

  /** The run's record, as it was before this opening. */
  public RunRecord run() {
    return record;
  }

  /** Class names. */
  public List<String> classes() {
    return split.classes();
  }

  /** Images that are as they were sealed, or of which it is not known. */
  public List<Sample> samples() {
    return List.copyOf(intact);
  }

  /** Ids of test files that are gone. */
  public List<String> missing() {
    return List.copyOf(missing);
  }

  /** Ids of test files whose contents are others than when the run began. */
  public List<String> changed() {
    return List.copyOf(changed);
  }

  /** How often the seal was opened before. */
  public int openings() {
    return record.dataUse().testLooks().size();
  }

  /**
   * Counts the opening in {@code run.json}, then writes {@code evaluations/test.json} and its
   * predictions.
   *
   * @param evaluation of {@link #samples()} with the run's best weights
   * @param origin where it comes from; its name is that of the files
   * @return the file
   */
  public Path record(Evaluation evaluation, EvaluationFile.Origin origin) {
    Path best = folder.resolve(RunFolder.BEST);
    String model = Digests.ofFile(best, "the weight file", () -> false);
    Path last = folder.resolve(RunFolder.LAST);
    Optional<Checkpoint> position =
        Files.exists(last) ? Optional.of(CheckpointFile.positionOf(last)) : Optional.empty();
    DataUse.TestLook look =
        new DataUse.TestLook(
            position.map(p -> p.history().size()).orElse(0),
            position.map(Checkpoint::bestEpoch).orElse(0),
            model,
            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    RunRecord opened =
        record.withDataUse(
            record.dataUse().leavingOut(Part.TEST, split, evaluation.badImages()).looking(look));
    AtomicFile.write(folder.resolve(RunFolder.RUN), Json.pretty(opened));
    Map<String, Object> binding = new LinkedHashMap<>();
    binding.put("best_epoch", look.bestEpoch());
    binding.put("epochs", look.epochs());
    binding.put("test_openings", opened.dataUse().testLooks().size());
    binding.put("sealed", sealed);
    binding.put("missing", missing);
    binding.put("changed", changed);
    binding.put("split_sha256", record.splitHash());
    binding.put("data_sha256", record.dataHash());
    binding.put("content_sha256", record.contentHash());
    return EvaluationFile.write(folder, origin, binding, evaluation, hashes);
  }

  /** What belongs together among the test images, as in the split. */
  public Grouping grouping() {
    return Grouping.of(record.options().split().dividedBy());
  }

  /** Folder of the images. */
  public Path data() {
    return data;
  }

  @Override
  public void close() {
    lock.close();
  }
}
