package org.jresnet.inspect.lab;

import java.util.List;
import java.util.Map;

/**
 * What a lab folder holds, {@code lab.json}: rewritten when an experiment is done.
 *
 * @param format 1
 * @param command that made it
 * @param time when it began
 * @param model run folder or file
 * @param network name with its form
 * @param data where the images lie
 * @param images that were looked at
 * @param epochs of each training
 * @param seed of everything that was drawn
 * @param environment versions and machine
 * @param experiments those that are done, in their order
 */
public record LabIndex(
    int format,
    String command,
    String time,
    String model,
    String network,
    String data,
    int images,
    int epochs,
    long seed,
    Map<String, Object> environment,
    List<Entry> experiments) {
  /** Name of the file. */
  public static final String FILE = "lab.json";

  /** Of this version. */
  static final int FORMAT = 1;

  /**
   * An experiment that is done. Its table is also in {@code <id>.csv}, all of it in {@code
   * <id>.json}.
   *
   * @param id its name
   * @param summary what it does
   * @param paper where it comes from
   * @param finding its most telling number
   * @param columns names of the table's columns
   * @param rows of the table
   * @param picture file beside the index
   * @param seconds that it took
   */
  public record Entry(
      String id,
      String summary,
      String paper,
      String finding,
      List<String> columns,
      List<List<Object>> rows,
      String picture,
      double seconds) {}
}
