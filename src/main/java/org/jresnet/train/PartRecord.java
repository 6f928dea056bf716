package org.jresnet.train;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.base.Json;
import org.jresnet.base.JsonField;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Part;

/**
 * What a part of a table of predictions was made of; a JSON file beside the part.
 *
 * @param format always {@value #FORMAT}
 * @param version of this record, {@value #VERSION}
 * @param part its number, from 1
 * @param parts how many there are
 * @param made model and options, under their names
 * @param columns of the table
 * @param images of all parts together
 * @param list SHA-256 over the sorted names of all images, a line each
 * @param rows of this part; 0 until it is complete
 * @param sha256 of this part's table; empty until it is complete
 */
public record PartRecord(
    String format,
    int version,
    @JsonField(min = 1, max = Part.MOST) int part,
    @JsonField(min = 1, max = Part.MOST) int parts,
    Map<String, String> made,
    List<String> columns,
    @JsonField(min = 1) int images,
    String list,
    @JsonField(min = 0) int rows,
    String sha256) {
  static final String FORMAT = "jresnet part of predictions";
  static final int VERSION = 1;
  private static final String WHAT = "the record of a part";

  /** Copies the collections, the map in the order of its names. */
  public PartRecord {
    made = Collections.unmodifiableMap(new TreeMap<>(made));
    columns = List.copyOf(columns);
  }

  /** Of a part that begins. */
  PartRecord(Part part, Map<String, String> made, List<String> columns, int images, String list) {
    this(FORMAT, VERSION, part.number(), part.count(), made, columns, images, list, 0, "");
  }

  boolean complete() {
    return !sha256.isEmpty();
  }

  PartRecord completed(int found, String hash) {
    return new PartRecord(format, version, part, parts, made, columns, images, list, found, hash);
  }

  /** What all parts of one table have in common. */
  private PartRecord common() {
    return new PartRecord(format, version, 1, parts, made, columns, images, list, 0, "");
  }

  /** What keeps the other from being of the same table. */
  List<String> differences(PartRecord other) {
    return Json.differences(common(), other.common());
  }

  /**
   * Reads it.
   *
   * @throws UserError when it is none, or of another version
   */
  static PartRecord read(Path file) {
    Map<String, Object> fields = Json.object(file, WHAT);
    if (!FORMAT.equals(fields.get("format"))
        || !Integer.valueOf(VERSION).equals(fields.get("version"))) {
      throw new UserError(
          Text.format(
              "%s is of another jresnet: format and version are %s, %s, expected %s, %s; predict"
                  + " all parts with one version",
              file, fields.get("format"), fields.get("version"), FORMAT, VERSION));
    }
    return Json.read(file, WHAT, PartRecord.class);
  }
}
