package org.jresnet.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jresnet.base.Csv;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.testing.SmallModel;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The job in Spark's local mode, beside the plain command. */
final class SparkJobTest {
  /** Whole batches of 16, so that the plain command computes no smaller one. */
  private static final int IMAGES = 320;

  private static final List<String> BAD = List.of("broken.jpg", "cut.jpg", "empty.png");

  @TempDir static Path folder;
  private static Path faces;
  private static Path model;

  /** Rows of the plain command by file. */
  private static final Map<String, List<String>> PLAIN = new HashMap<>();

  private static long engines;

  @BeforeAll
  static void predictPlainly() throws Exception {
    System.setProperty("spark.master", "local[2,3]");
    System.setProperty("spark.ui.enabled", "false");
    faces = folder.resolve("some faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(IMAGES / 2, 32, 3), done -> {});
    Files.writeString(faces.resolve("camera/broken.jpg"), "no image");
    byte[] whole = Files.readAllBytes(faces.resolve("camera/00000.jpg"));
    Files.write(faces.resolve("camera/cut.jpg"), Arrays.copyOf(whole, 300));
    Files.write(faces.resolve("generated/empty.png"), new byte[0]);
    Files.writeString(faces.resolve("generated/notes.txt"), "no image, and not meant to be");
    Files.writeString(faces.resolve("generated/.hidden.jpg"), "not meant, either");
    model = SmallModel.write(folder.resolve("m.safetensors"), 16, 1);
    Path csv = folder.resolve("plain.csv");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "-cp",
                System.getProperty("java.class.path"),
                "org.jresnet.cli.Main",
                "predict",
                model.toString(),
                faces.toString(),
                "--csv=" + csv,
                "--backend=cpu",
                "--precision=fp32",
                "--tune=off")
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("plain.log").toFile())
            .start();
    assertThat(process.waitFor()).as(Files.readString(folder.resolve("plain.log"))).isEqualTo(1);
    Csv.read(csv).stream().skip(1).forEach(row -> PLAIN.put(row.get(0), row));
    assertThat(PLAIN).hasSize(IMAGES + BAD.size());
    engines = Engine.opened();
  }

  @AfterAll
  static void oneEngine() {
    assertThat(Engine.opened())
        .as("engines of all jobs with the same settings")
        .isEqualTo(engines + 1);
  }

  private static int run(Object... arguments) {
    return Score.commandLine(new Score()).execute(texts(arguments));
  }

  private static String[] texts(Object... arguments) {
    return Stream.concat(Stream.of(arguments), Stream.of("--tune=off"))
        .map(Object::toString)
        .toArray(String[]::new);
  }

  private static SparkSession session() {
    return SparkSession.builder().getOrCreate();
  }

  private static List<Row> table(Path output) throws IOException {
    try (SparkSession spark = session()) {
      return spark.read().parquet(output.toString()).collectAsList();
    }
  }

  /** Every image once, with the plain command's numbers to the last digit, or its error. */
  private static void requirePlain(List<Row> rows) {
    Map<String, List<String>> rest = new HashMap<>(PLAIN);
    for (Row row : rows) {
      String file = row.getString(0).replaceFirst("^file:/+", "/");
      List<String> plain = rest.remove(file);
      assertThat(plain).as(file).isNotNull();
      String error = plain.get(plain.size() - 1);
      if (error.isEmpty()) {
        assertThat(row.getString(1)).as(file).isEqualTo(plain.get(1));
        assertThat(String.valueOf(row.getDouble(2))).as(file).isEqualTo(plain.get(2));
        assertThat(row.getString(3)).as(file).isEqualTo(plain.get(1));
        assertThat(row.isNullAt(4)).as(file).isTrue();
      } else {
        assertThat(row.getString(4)).as(file).isEqualTo(error);
        assertThat(row.isNullAt(1) && row.isNullAt(2) && row.isNullAt(3)).as(file).isTrue();
      }
    }
    assertThat(rest.keySet()).as("missing").isEmpty();
  }

  @Test
  void filesGiveThePlainCommandsNumbers() throws IOException {
    Path output = folder.resolve("files.parquet");
    assertThat(run(model, faces, output)).isZero();
    List<Row> rows = table(output);
    requirePlain(rows);
    assertThat(rows.stream().filter(row -> !row.isNullAt(4))).hasSize(BAD.size());
    assertThat(rows.get(0).schema().fieldNames())
        .containsExactly("path", "class", "probability", "verdict", "error");

    assertThat(run(model, faces, output)).as("a table that exists").isEqualTo(1);
    requirePlain(table(output));
    assertThat(run(model, faces, output, "--overwrite", "--batch=16")).isZero();
    requirePlain(table(output));
  }

  @Test
  void aTableGivesThem() throws Exception {
    Path input = folder.resolve("input.parquet");
    List<Row> files = new ArrayList<>();
    for (String file : PLAIN.keySet()) {
      files.add(RowFactory.create(Files.readAllBytes(Path.of(file)), file, 7));
    }
    StructType schema =
        new StructType()
            .add("jpeg", DataTypes.BinaryType)
            .add("name", DataTypes.StringType)
            .add("other", DataTypes.IntegerType);
    try (SparkSession spark = session()) {
      spark.createDataFrame(files, schema).repartition(5).write().parquet(input.toString());
    }
    Path output = folder.resolve("table.parquet");
    String[] columns = {"--parquet", "--path-column=name", "--content-column=jpeg"};
    assertThat(run(model, input, output, columns[0], columns[1], columns[2])).isZero();
    requirePlain(table(output));
  }

  @Test
  void contentsThatAreNullAreRows() throws Exception {
    Path input = folder.resolve("nulls.parquet");
    StructType schema =
        new StructType().add("path", DataTypes.StringType).add("content", DataTypes.BinaryType);
    try (SparkSession spark = session()) {
      spark
          .createDataFrame(
              List.of(RowFactory.create("a", null), RowFactory.create(null, null)), schema)
          .write()
          .parquet(input.toString());
    }
    Path output = folder.resolve("nulls-out.parquet");
    assertThat(run(model, input, output, "--parquet")).isZero();
    assertThat(table(output))
        .hasSize(2)
        .allSatisfy(row -> assertThat(row.getString(4)).endsWith("the content is null"));
  }

  /** Fails in the first attempt of each task, after some of its rows. */
  private static final class FirstAttemptFails implements MapPartitionsFunction<Row, Row> {
    private static final long serialVersionUID = 1L;

    @Override
    public java.util.Iterator<Row> call(java.util.Iterator<Row> rows) {
      List<Row> some = new ArrayList<>();
      while (rows.hasNext() && some.size() < 20) {
        some.add(rows.next());
      }
      if (TaskContext.get().attemptNumber() == 0 && !some.isEmpty()) {
        throw new IllegalStateException("on purpose");
      }
      rows.forEachRemaining(some::add);
      return some.iterator();
    }
  }

  @Test
  void tasksThatFailAndRunAgainLeaveEachImageOnce() throws IOException {
    Path output = folder.resolve("retried.parquet");
    Score score = new Score();
    Score.commandLine(score).parseArgs(texts(model, faces, output));
    try (SparkSession spark = session()) {
      Dataset<Row> scored = score.score(spark, 2);
      assertThat(scored.toJavaRDD().getNumPartitions()).isGreaterThan(2);
      score.write(
          scored.mapPartitions(new FirstAttemptFails(), Encoders.row(ScorePartition.SCHEMA)));
    }
    requirePlain(table(output));
    try (Stream<Path> left = Files.list(output)) {
      assertThat(left.map(f -> f.getFileName().toString())).doesNotContain("_temporary");
    }
  }

  @Test
  void whatCannotWorkIsRefused() throws IOException {
    Path output = folder.resolve("refused.parquet");
    assertThat(run(folder.resolve("none.safetensors"), faces, output)).isEqualTo(1);
    assertThat(run(model, folder.resolve("nothing"), output)).isEqualTo(1);
    assertThat(run(model, faces, output, "--error=0.05")).as("uncalibrated").isEqualTo(1);
    assertThat(run(model, faces, output, "--threads=5")).as("OMP_NUM_THREADS is 2").isEqualTo(1);
    assertThat(run(model, faces, output, "--batch=0")).isEqualTo(1);
    assertThat(run(model, faces, faces.resolve("scores"), "--overwrite")).isEqualTo(1);
    assertThat(run(model, faces, folder, "--overwrite")).isEqualTo(1);
    Path others = Files.createDirectory(folder.resolve("others"));
    Path mine = Files.writeString(others.resolve("mine.txt"), "mine");
    assertThat(run(model, faces, others, "--overwrite")).isEqualTo(1);
    assertThat(mine).exists();
    assertThat(faces.resolve("camera/00000.jpg")).exists();
  }
}
