package org.jresnet.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jresnet.backend.Precision;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Csv;
import org.jresnet.base.Json;
import org.jresnet.base.JsonField;
import org.jresnet.base.UserError;

/**
 * What each implementation of each convolution of a network costs on a machine, and how exactly it
 * computes.
 *
 * @param format of the file, {@value #FORMAT}
 * @param origin what was measured where
 * @param rows one per convolution, product, precision, implementation and number of threads
 */
public record Atlas(@JsonField(min = 1, max = FORMAT) int format, Origin origin, List<Row> rows) {
  /** Of the JSON file. */
  public static final int FORMAT = 1;

  static final String JSON = "atlas.json";
  static final String CSV = "atlas.csv";
  static final String SVG = "atlas.svg";

  /** The files of {@link #write}. */
  public static final List<String> FILES = List.of(JSON, CSV, SVG);

  /**
   * What was measured where.
   *
   * @param network its name
   * @param batch images
   * @param size side of the images in pixels
   * @param machine CPU and version of Java
   * @param backends library, instruction set and threads of each run
   * @param jresnet version
   * @param time UTC
   */
  public record Origin(
      String network,
      @JsonField(min = 1) int batch,
      @JsonField(min = 1) int size,
      String machine,
      List<String> backends,
      String jresnet,
      String time) {
    /** Copies the list. */
    public Origin {
      backends = List.copyOf(backends);
    }
  }

  /**
   * One implementation of one product.
   *
   * @param part the product with all that decides its time, see {@link
   *     org.jresnet.backend.Contest#name}
   * @param convolution short: {@code 3x3 64->64 @56}
   * @param operation {@code forward}, {@code backward data}, {@code backward weights}; {@code
   *     inference} in int8
   * @param precision of the activations
   * @param candidate name of the implementation
   * @param threads that computed
   * @param ops convolutions of the network that need this product
   * @param ms milliseconds, the least of some runs
   * @param gflops 10^9 FLOP/s, with the FLOPs of direct sums
   * @param peak 10^9 FLOP/s of the fastest direct convolution of all, with these threads
   * @param error root mean square of the difference from double precision, relative to that of the
   *     values
   */
  public record Row(
      String part,
      String convolution,
      String operation,
      Precision precision,
      String candidate,
      @JsonField(min = 1) int threads,
      @JsonField(min = 1) int ops,
      @JsonField(min = 0) double ms,
      @JsonField(min = 0) double gflops,
      @JsonField(min = 0) double peak,
      @JsonField(min = 0) double error) {
    /** Share of the peak; above 1 where an algorithm multiplies less than direct sums do. */
    public double share() {
      return gflops / peak;
    }

    Row withPeak(double other) {
      return new Row(
          part,
          convolution,
          operation,
          precision,
          candidate,
          threads,
          ops,
          ms,
          gflops,
          other,
          error);
    }

    /** What two atlases have in common where they measured the same. */
    String key() {
      return String.join("|", part, precision.id(), candidate, String.valueOf(threads));
    }
  }

  /** Checks the format and copies the list. */
  public Atlas {
    rows = List.copyOf(rows);
    if (rows.isEmpty()) {
      throw new IllegalArgumentException("an atlas needs at least one row");
    }
  }

  /** Puts runs with different numbers of threads together. */
  public static Atlas merged(List<Atlas> runs) {
    List<String> backends = new ArrayList<>();
    List<Row> rows = new ArrayList<>();
    for (Atlas run : runs) {
      backends.addAll(run.origin.backends);
      rows.addAll(run.rows);
    }
    Origin o = runs.get(0).origin;
    return new Atlas(
        FORMAT,
        new Origin(o.network, o.batch, o.size, o.machine, backends, o.jresnet, o.time),
        rows);
  }

  /** Milliseconds of all products that one step needs, with the fastest of their candidates. */
  public double milliseconds(Precision precision, int threads) {
    Map<String, Double> best = new LinkedHashMap<>();
    for (Row row : rows) {
      if (row.precision == precision && row.threads == threads) {
        best.merge(row.part, row.ops * row.ms, Math::min);
      }
    }
    return best.values().stream().mapToDouble(Double::doubleValue).sum();
  }

  /** Replaces the files of a folder that is there. */
  public void write(Path folder) {
    AtomicFile.write(folder.resolve(JSON), Json.pretty(this));
    Csv.write(folder.resolve(CSV), records());
    AtomicFile.write(folder.resolve(SVG), AtlasChart.draw(this));
  }

  /**
   * Reads {@code atlas.json}.
   *
   * @param path the file, or its folder
   * @throws UserError saying what is not as expected
   */
  public static Atlas read(Path path) {
    Path file = Files.isDirectory(path) ? path.resolve(JSON) : path;
    if (!Files.exists(file)) {
      throw new UserError(
          "there is no atlas at "
              + file
              + "; name an atlas.json or its folder, as ./jresnet atlas --out makes it");
    }
    return Json.read(file, "the atlas", Atlas.class);
  }

  private List<List<String>> records() {
    List<List<String>> records = new ArrayList<>();
    records.add(
        List.of(
            "part",
            "convolution",
            "operation",
            "precision",
            "candidate",
            "threads",
            "ops",
            "ms",
            "gflops",
            "peak_gflops",
            "share_of_peak",
            "error"));
    for (Row r : rows) {
      records.add(
          List.of(
              r.part,
              r.convolution,
              r.operation,
              r.precision.id(),
              r.candidate,
              String.valueOf(r.threads),
              String.valueOf(r.ops),
              number("%.4f", r.ms),
              number("%.2f", r.gflops),
              number("%.2f", r.peak),
              number("%.4f", r.share()),
              number("%.3e", r.error)));
    }
    return records;
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
