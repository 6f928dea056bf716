package org.jresnet.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.UserError;

/** The folder of a run, and who may write into it. */
public final class RunFolder {
  /** What happens when the folder already holds something. */
  public enum Existing {
    /** Refused. */
    REFUSE,
    /** The run in it goes on. */
    RESUME,
    /** jresnet's own files are deleted first; foreign files stay. */
    OVERWRITE
  }

  /** The best epoch's weights. */
  public static final String BEST = "best.safetensors";

  /** Where the run stands. */
  public static final String LAST = "last.ckpt";

  static final String RUN = "run.json";
  static final String METRICS = "metrics.csv";
  static final String SPLIT = "split.csv";
  static final String CURVES = "curves.png";
  private static final List<String> OWN = List.of(BEST, LAST, RUN, METRICS, SPLIT, CURVES);
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private final Path path;

  private RunFolder(Path path) {
    this.path = path;
  }

  /**
   * Opens the folder for a run, creating it where needed.
   *
   * @throws UserError when it is not empty and neither resume nor overwrite was asked for, cannot
   *     be written, or holds nothing to resume
   */
  public static RunFolder open(Path path, Existing existing) {
    RunFolder folder = new RunFolder(path);
    if (existing == Existing.RESUME) {
      for (String needed : List.of(RUN, LAST)) {
        if (!Files.exists(path.resolve(needed))) {
          throw new UserError(path + " has no " + needed + ", so there is nothing to resume");
        }
      }
      return folder;
    }
    try {
      Files.createDirectories(path);
      try (Stream<Path> entries = Files.list(path)) {
        if (existing == Existing.REFUSE && entries.findAny().isPresent()) {
          throw new UserError(
              "the output folder "
                  + path
                  + " is not empty; use --resume to continue the run in it, --overwrite to"
                  + " replace it, or another --out");
        }
      }
      if (existing == Existing.OVERWRITE) {
        for (String own : OWN) {
          Files.deleteIfExists(path.resolve(own));
        }
      }
    } catch (FileAlreadyExistsException e) {
      throw new UserError(
          "the output folder " + path + " cannot be made: " + e.getMessage() + " is a file", e);
    } catch (AccessDeniedException e) {
      throw new UserError(
          "the output folder " + path + " cannot be made: permission denied for " + e.getMessage(),
          e);
    } catch (IOException e) {
      throw new UserError("the output folder " + path + " cannot be made: " + e, e);
    }
    if (!Files.isWritable(path)) {
      throw new UserError("the output folder " + path + " is not writable");
    }
    return folder;
  }

  /** The folder. */
  public Path path() {
    return path;
  }

  Path file(String name) {
    return path.resolve(name);
  }

  void write(RunRecord record) {
    try {
      AtomicFile.write(file(RUN), JSON.writeValueAsString(record) + "\n");
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The run's record. */
  public RunRecord record() {
    try {
      return JSON.readValue(file(RUN).toFile(), RunRecord.class);
    } catch (IOException e) {
      throw new UserError(file(RUN) + " cannot be read: " + e.getMessage(), e);
    }
  }

  void writeMetrics(List<EpochResult> history) {
    StringBuilder text = new StringBuilder(EpochResult.CSV_HEADER).append('\n');
    history.forEach(row -> text.append(row.csv()).append('\n'));
    AtomicFile.write(file(METRICS), text.toString());
  }
}
