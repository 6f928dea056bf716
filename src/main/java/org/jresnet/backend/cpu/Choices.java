package org.jresnet.backend.cpu;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.UserError;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who won which race: choices that stand from the start, then those of a JSON file that people can
 * read, one per machine and version, then races of this process. A file that cannot be read is
 * reported, left out and written anew.
 */
final class Choices {
  private static final Logger LOG = LoggerFactory.getLogger(Choices.class);
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /** What a kernel of our own must save to replace the library: noise decides nothing. */
  private static final double MARGIN = 0.97;

  private final Path file;
  private final Map<String, Map<String, Double>> races = new TreeMap<>();
  private final Map<String, String> made = new TreeMap<>();
  private Optional<Map<String, String>> standing = Optional.empty();

  /**
   * Reads the file of a machine, if there is one.
   *
   * @param machine all that changes who wins
   */
  Choices(Path folder, String machine) {
    file = folder.resolve("races-" + machine.replaceAll("[^A-Za-z0-9.]+", "-") + ".json");
    races.putAll(onDisk());
  }

  /** The races in the file; none if it cannot be read. */
  private Map<String, Map<String, Double>> onDisk() {
    if (!Files.exists(file)) {
      return Map.of();
    }
    try {
      Map<String, Map<String, Double>> read =
          JSON.readValue(file.toFile(), new TypeReference<>() {});
      if (read.values().stream().anyMatch(r -> r == null || r.containsValue(null))) {
        throw new IOException("a race has no milliseconds");
      }
      return read;
    } catch (IOException e) {
      LOG.warn(
          "The races in {} cannot be read ({}); they are run again",
          file,
          e.getMessage().lines().findFirst().orElse(""));
      return Map.of();
    }
  }

  /**
   * Makes winners stand, whatever races say. A contest that is not among them is the library's:
   * there was no choice when they were noted.
   */
  void stand(Map<String, String> winners) {
    standing = Optional.of(Map.copyOf(winners));
  }

  /** The winner of a contest, if it is known. */
  Optional<String> winner(String contest) {
    if (standing.isPresent()) {
      return Optional.of(standing.get().getOrDefault(contest, Candidate.LIBRARY));
    }
    return Optional.ofNullable(races.get(contest)).map(Choices::fastest);
  }

  /** Milliseconds of each candidate; empty where no race was run. */
  Map<String, Double> times(String contest) {
    return races.getOrDefault(contest, Map.of());
  }

  /** Remembers a race, here and on disk, where other processes may have added theirs. */
  void put(String contest, Map<String, Double> times) {
    races.put(contest, new TreeMap<>(times));
    try {
      Files.createDirectories(file.getParent());
      Map<String, Map<String, Double>> all = new TreeMap<>(onDisk());
      all.putAll(races);
      AtomicFile.write(file, JSON.writeValueAsString(all));
    } catch (IOException | UncheckedIOException | UserError e) {
      LOG.warn("The race cannot be remembered in {}: {}", file, e.getMessage());
    }
  }

  /** Notes which candidate computes in this process. */
  void use(String contest, String winner) {
    made.put(contest, winner);
  }

  /** Which candidate computes what, in this process. */
  Map<String, String> used() {
    return Collections.unmodifiableMap(made);
  }

  private static String fastest(Map<String, Double> times) {
    String best = Candidate.LIBRARY;
    double limit = times.getOrDefault(best, Double.MAX_VALUE) * MARGIN;
    for (Map.Entry<String, Double> entry : times.entrySet()) {
      if (!entry.getKey().equals(Candidate.LIBRARY) && entry.getValue() < limit) {
        best = entry.getKey();
        limit = entry.getValue();
      }
    }
    return best;
  }
}
