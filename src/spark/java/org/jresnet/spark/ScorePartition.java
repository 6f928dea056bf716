package org.jresnet.spark;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Queue;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.RgbImage;
import org.jresnet.train.Decision;
import org.jresnet.train.Prediction;

/**
 * A task: rows (path, content) in, rows of {@link #SCHEMA} out, in their order. The images of one
 * batch are in memory.
 *
 * @param settings of the executor's engine
 * @param bytes where the images come from
 */
record ScorePartition(Settings settings, ImageBytes bytes)
    implements MapPartitionsFunction<Row, Row> {
  /** What comes out; an image that cannot be decoded has its error, any other one the rest. */
  static final StructType SCHEMA =
      new StructType()
          .add("path", DataTypes.StringType)
          .add("class", DataTypes.StringType)
          .add("probability", DataTypes.DoubleType)
          .add("verdict", DataTypes.StringType)
          .add("error", DataTypes.StringType);

  /** A batch ends after so many times its size, however few of its images can be decoded. */
  private static final int FULL_OF_BAD_IMAGES = 4;

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    return new Scored(rows);
  }

  private record Decoded(String path, RgbImage pixels, String error) {}

  private final class Scored implements Iterator<Row> {
    private final Iterator<Row> rows;
    private final Queue<Row> ready = new ArrayDeque<>();

    Scored(Iterator<Row> rows) {
      this.rows = rows;
    }

    @Override
    public boolean hasNext() {
      while (ready.isEmpty() && rows.hasNext()) {
        batch();
      }
      return !ready.isEmpty();
    }

    @Override
    public Row next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return ready.remove();
    }

    private void batch() {
      Engine engine = Engine.of(settings);
      List<Decoded> batch = new ArrayList<>();
      List<RgbImage> inputs = new ArrayList<>();
      int most = FULL_OF_BAD_IMAGES * engine.batch();
      while (inputs.size() < engine.batch() && batch.size() < most && rows.hasNext()) {
        Decoded decoded = decode(rows.next(), engine);
        batch.add(decoded);
        if (decoded.pixels != null) {
          inputs.add(decoded.pixels);
        }
      }
      Iterator<Prediction> predictions = engine.predict(inputs).iterator();
      for (Decoded d : batch) {
        ready.add(
            d.pixels == null
                ? RowFactory.create(d.path, null, null, null, d.error)
                : row(d.path, predictions.next(), engine.decision()));
      }
    }

    private Decoded decode(Row row, Engine engine) {
      String path = row.getString(0);
      try {
        byte[] content = bytes.of(row);
        return new Decoded(
            path, ImageDecoder.input(name(row), content, engine.preprocess()).pixels(), null);
      } catch (BadImageException e) {
        return new Decoded(path, null, e.getMessage());
      } catch (IOException e) {
        return new Decoded(path, null, path + ": " + e.getMessage());
      }
    }
  }

  /** What messages call an image, without the scheme of ordinary files. */
  private static Path name(Row row) {
    String path = String.valueOf(row.getString(0));
    return Path.of(path.replaceFirst("^file:/+", "/").replace("\0", ""));
  }

  private static Row row(String path, Prediction p, Decision decision) {
    return RowFactory.create(path, p.label(), p.probability(), decision.verdict(p).label(), null);
  }
}
