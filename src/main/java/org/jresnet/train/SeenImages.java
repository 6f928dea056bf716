package org.jresnet.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.data.ContentHashes;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;

/**
 * Which images a run has seen, by content where the run knows it and else by path: a copy under
 * another name is still the same image.
 */
public final class SeenImages {
  private SeenImages() {}

  /**
   * Counts the images that were in each part of the run that a model comes from; empty when it
   * comes from no run folder.
   *
   * @param model run folder or file
   * @param samples images that are to be evaluated
   * @param threads that read files
   */
  public static Map<Part, Integer> count(Path model, List<Sample> samples, int threads) {
    Map<Part, Integer> counts = new EnumMap<>(Part.class);
    Path folder = RunFolder.folderOf(model).orElse(null);
    if (folder == null || !Files.exists(folder.resolve(RunFolder.SPLIT))) {
      return counts;
    }
    Split split = RunFolder.splitOf(folder);
    ContentHashes known = new ContentHashes(folder.resolve(RunFolder.HASHES), () -> false);
    Map<String, String> then = new HashMap<>(known.remembered());
    List<Sample> rest =
        split.all().stream().filter(s -> !then.containsKey(s.id()) && isThere(s)).toList();
    then.putAll(known.of(rest, threads));
    Map<String, Part> byContent = new HashMap<>();
    Map<Path, Part> byPath = new HashMap<>();
    // Parts in order: an image in several counts as trained on.
    split
        .parts()
        .forEach(
            (part, images) ->
                images.forEach(
                    s -> {
                      if (then.containsKey(s.id())) {
                        byContent.putIfAbsent(then.get(s.id()), part);
                      } else {
                        byPath.put(s.file().toAbsolutePath().normalize(), part);
                      }
                    }));
    List<Sample> present = samples.stream().filter(SeenImages::isThere).toList();
    Map<String, String> now =
        new ContentHashes(folder.resolve("no-cache"), () -> false).of(present, threads);
    for (Sample s : present) {
      Part part = byContent.get(now.get(s.id()));
      if (part == null) {
        part = byPath.get(s.file().toAbsolutePath().normalize());
      }
      if (part != null) {
        counts.merge(part, 1, Integer::sum);
      }
    }
    return counts;
  }

  private static boolean isThere(Sample sample) {
    return Files.isRegularFile(sample.file()) && Files.isReadable(sample.file());
  }
}
