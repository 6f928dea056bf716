package org.jresnet.detect.robustness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Csv;
import org.jresnet.base.Json;
import org.jresnet.base.Png;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.detect.Figures;

/**
 * A robustness grid as files in a run's folder: {@code robustness/NAME.json}, {@code .csv} and
 * {@code .png} (accuracy and AUC by severity).
 *
 * <p>Keys of the JSON file: {@code name, command, model, data, group, environment, classes,
 * positive}, and {@code cells}, the first for the images as they are: {@code kind} ({@code none}
 * for that one), {@code level, severity} (from 1; 0 for that one), {@code text}, and the figures of
 * {@link Figures#values}.
 */
public final class RobustnessFiles {
  /** Folder in a run's folder. */
  public static final String FOLDER = "robustness";

  private RobustnessFiles() {}

  /**
   * Writes all three files.
   *
   * @param folder of the run
   * @param name of the files
   * @param origin where the grid comes from, written before the cells
   * @return the JSON file
   */
  public static Path write(
      Path folder, String name, Map<String, ?> origin, List<RobustnessGrid.Cell> cells) {
    Path into = folder.resolve(FOLDER);
    try {
      Files.createDirectories(into);
    } catch (IOException e) {
      throw new UserError(Text.format("the folder %s cannot be made: %s", into, e), e);
    }
    Map<String, Object> values = new LinkedHashMap<>(origin);
    values.put("cells", cells.stream().map(RobustnessFiles::values).toList());
    Path json = into.resolve(name + ".json");
    AtomicFile.write(json, Json.pretty(values));
    Csv.write(into.resolve(name + ".csv"), records(cells));
    Png.write(RobustnessChart.draw(cells), into.resolve(name + ".png"));
    return json;
  }

  private static Map<String, Object> values(RobustnessGrid.Cell cell) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("kind", kind(cell));
    cell.degradation().ifPresent(d -> values.put("level", d.level()));
    values.put("severity", cell.severity());
    values.put("text", text(cell));
    values.putAll(cell.figures().values());
    return values;
  }

  /** Name of what was done to the images. */
  public static String kind(RobustnessGrid.Cell cell) {
    return cell.degradation().map(d -> d.kind().id()).orElse("none");
  }

  /** How much of it. */
  public static String text(RobustnessGrid.Cell cell) {
    return cell.degradation().map(d -> d.text()).orElse("as they are");
  }

  private static List<List<String>> records(List<RobustnessGrid.Cell> cells) {
    List<String> header = new ArrayList<>(List.of("kind", "level", "severity"));
    header.addAll(Figures.header());
    List<List<String>> records = new ArrayList<>(List.of(header));
    for (RobustnessGrid.Cell cell : cells) {
      List<String> record =
          new ArrayList<>(
              List.of(
                  kind(cell),
                  cell.degradation().map(d -> String.valueOf(d.level())).orElse(""),
                  String.valueOf(cell.severity())));
      record.addAll(cell.figures().fields());
      records.add(record);
    }
    return records;
  }
}
