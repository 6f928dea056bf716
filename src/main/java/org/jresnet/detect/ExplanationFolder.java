package org.jresnet.detect;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Json;
import org.jresnet.base.Png;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * Where explanations are written: for each image {@code NAME.gradcam.png}, {@code NAME.bands.png}
 * and {@code NAME.explanation.json}, the latter with {@code file} and the keys of {@link
 * Explanation#values}. An image whose name another one has taken gets a number.
 */
public final class ExplanationFolder {
  private static final String MAP = ".gradcam.png";
  private static final String BANDS = ".bands.png";
  private static final String JSON = ".explanation.json";

  private final Path folder;
  private final Map<Path, String> names = new HashMap<>();

  private ExplanationFolder(Path folder) {
    this.folder = folder;
  }

  /**
   * Decides all names and makes the folder.
   *
   * @param images that will be explained
   * @param overwrite whether files that are there already may be replaced
   * @throws UserError when one is there and may not be, or the folder cannot be made
   */
  public static ExplanationFolder open(Path folder, List<Path> images, boolean overwrite) {
    ExplanationFolder out = new ExplanationFolder(folder);
    Set<String> taken = new HashSet<>();
    for (Path image : images) {
      String name = image.getFileName().toString();
      String free = name;
      for (int i = 2; !taken.add(free); i++) {
        free = name + "-" + i;
      }
      out.names.put(image, free);
    }
    for (String name : taken) {
      for (String ending : List.of(MAP, BANDS, JSON)) {
        Path file = folder.resolve(name + ending);
        if (!overwrite && Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
          throw new UserError(
              Text.format(
                  "%s exists; use --overwrite to replace it, or another folder for --explain",
                  file));
        }
      }
    }
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UserError(
          Text.format("the folder %s for explanations cannot be made: %s", folder, e), e);
    }
    return out;
  }

  /**
   * Writes what explains one of the images.
   *
   * @return the JSON file
   */
  public Path write(Path image, Explanation explanation) {
    String name = names.get(image);
    Png.write(ExplanationDrawing.overlay(explanation), folder.resolve(name + MAP));
    Png.write(ExplanationDrawing.bands(explanation), folder.resolve(name + BANDS));
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("file", image.toString());
    values.putAll(explanation.values());
    Path json = folder.resolve(name + JSON);
    AtomicFile.write(json, Json.pretty(values));
    return json;
  }
}
