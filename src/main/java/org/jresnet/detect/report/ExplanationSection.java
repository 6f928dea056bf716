package org.jresnet.detect.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** The drawings of {@code predict --explain}. */
final class ExplanationSection {
  private static final String MAP = ".gradcam.png";
  private static final String BANDS = ".bands.png";
  private static final int MOST = 12;

  private ExplanationSection() {}

  static List<Map<String, Object>> of(Path folder) {
    List<Map<String, Object>> shown = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path map :
          files
              .filter(f -> f.getFileName().toString().endsWith(MAP))
              .sorted()
              .limit(MOST)
              .toList()) {
        String name = map.getFileName().toString().replace(MAP, "");
        Path bands = folder.resolve(name + BANDS);
        shown.add(
            Map.of(
                "name",
                name,
                "map",
                Thumbnails.png(map),
                "bands",
                Files.exists(bands) ? Thumbnails.png(bands) : ""));
      }
    } catch (IOException e) {
      throw new UserError(Text.format("the folder %s cannot be read: %s", folder, e), e);
    }
    if (shown.isEmpty()) {
      throw new UserError(
          Text.format(
              "%s: expected drawings of jresnet predict --explain (NAME%s), found none",
              folder, MAP));
    }
    return shown;
  }
}
