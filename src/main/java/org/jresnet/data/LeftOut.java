package org.jresnet.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Files in walked folders that are not used.
 *
 * @param otherNames files that are no images by their names
 * @param hidden files and folders whose names begin with a dot
 * @param special pipes, devices and sockets
 * @param outside images that lie beside the class folders
 * @param examples the first few, relative to the folder that was walked
 */
public record LeftOut(int otherNames, int hidden, int special, int outside, List<Path> examples) {
  private static final int MAX_EXAMPLES = 4;

  /** A sentence about them, empty if there are none. */
  public Optional<String> note() {
    List<String> kinds = new ArrayList<>();
    add(kinds, otherNames, "no image by its name", "no images by their names");
    add(kinds, hidden, "hidden", "hidden");
    add(kinds, special, "no ordinary file", "no ordinary files");
    add(kinds, outside, "image outside the class folders", "images outside the class folders");
    if (kinds.isEmpty()) {
      return Optional.empty();
    }
    int all = otherNames + hidden + special + outside;
    List<String> names = examples.stream().limit(MAX_EXAMPLES).map(Path::toString).toList();
    return Optional.of(
        (all == 1 ? "1 file is left out: " : all + " files are left out: ")
            + String.join(", ", kinds)
            + " ("
            + String.join(", ", names)
            + (all > names.size() ? ", ..." : "")
            + ")");
  }

  private static void add(List<String> kinds, int count, String one, String several) {
    if (count > 0) {
      kinds.add(count + " " + (count == 1 ? one : several));
    }
  }
}
