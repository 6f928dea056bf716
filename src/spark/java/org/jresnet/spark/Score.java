package org.jresnet.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkFiles;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.util.SerializableConfiguration;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Tuning;
import org.jresnet.base.Digests;
import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.train.Decision;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelCalibration;
import org.jresnet.train.ModelFiles;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The job that {@code spark-submit} starts; docs/spark.md says how. */
@Command(
    name = "spark-submit … jresnet-spark.jar",
    sortOptions = false,
    showDefaultValues = true,
    mixinStandardHelpOptions = true,
    description =
        "Predicts images on Spark and writes a Parquet table: path, class, probability, verdict, error.")
public final class Score implements Callable<Integer> {
  private static final int IMAGES_PER_TASK = 100;
  private static final Logger LOG = LoggerFactory.getLogger(Score.class);

  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description =
          "Run folder or .safetensors file on the driver, a URL such as hdfs:///models/best.safetensors, or the name of a file"
              + " of spark-submit --files.")
  private String model;

  @Parameters(
      index = "1",
      paramLabel = "INPUT",
      description = "Folder of images, walked; or with --parquet a table.")
  private String input;

  @Parameters(index = "2", paramLabel = "OUTPUT", description = "The table to write.")
  private String output;

  @Option(
      names = "--parquet",
      description = "INPUT is a Parquet table with paths and contents of image files.")
  private boolean parquet;

  @Option(
      names = "--path-column",
      defaultValue = "path",
      description = "With --parquet: the names.")
  private String pathColumn;

  @Option(
      names = "--content-column",
      defaultValue = "content",
      description = "With --parquet: the files, binary.")
  private String contentColumn;

  @Option(names = "--overwrite", description = "Replace OUTPUT if it exists.")
  private boolean overwrite;

  @Option(names = "--precision", defaultValue = "fp32", description = "fp32, bf16 or int8.")
  private String precision;

  @Option(names = "--tune", defaultValue = "race", description = "race or off, as for predict.")
  private String tune;

  @Option(names = "--batch", defaultValue = "16", description = "Images per pass.")
  private int batch;

  @Option(
      names = "--threads",
      defaultValue = "0",
      description = "Threads that compute on an executor; 0: as many as it has cores.")
  private int threads;

  @Option(
      names = "--operating-point",
      defaultValue = ModelCalibration.EVEN,
      description = "As for predict.")
  private String operatingPoint;

  @Option(
      names = "--error",
      defaultValue = "0",
      description = "As for predict: the verdict is 'unsure' where classes cannot be told apart.")
  private double error;

  /** Runs the job; the process ends with its exit code, Spark with an exception on failure. */
  public static void main(String[] arguments) {
    int code = commandLine(new Score()).execute(arguments);
    if (code != 0) {
      System.exit(code);
    }
  }

  static CommandLine commandLine(Score score) {
    CommandLine line = new CommandLine(score);
    line.setExecutionExceptionHandler(
        (e, command, parsed) -> {
          LOG.error("{}", reason(e));
          LOG.debug("where it failed", e);
          return 1;
        });
    return line;
  }

  /** What is wrong, from below what Spark says of its tasks. */
  private static String reason(Throwable thrown) {
    Throwable at = thrown;
    while (at.getCause() != null && at.getCause() != at) {
      at = at.getCause();
    }
    return at instanceof UserError || at.getMessage() == null
        ? String.valueOf(at.getMessage())
        : at.toString();
  }

  @Override
  public Integer call() throws IOException {
    require(batch >= 1 && batch <= 1024, "--batch must lie between 1 and 1024, found " + batch);
    require(threads >= 0 && threads <= 1024, "--threads must lie between 0 and 1024");
    require(error >= 0 && error < 1, "--error must be at least 0 and less than 1, found " + error);
    Named.of(Tuning.class, "--tune", tune);
    Precision.of(precision);
    SparkConf conf = new SparkConf();
    int computing = threads > 0 ? threads : cores(conf);
    // OpenMP reads these before Java starts. Threads that wait sleep, since decoding needs the
    // cores.
    conf.setIfMissing("spark.executorEnv.OMP_NUM_THREADS", String.valueOf(computing));
    conf.setIfMissing("spark.executorEnv.OMP_WAIT_POLICY", "passive");
    conf.setIfMissing("spark.app.name", "jresnet");
    conf.setIfMissing("spark.log.level", "WARN");
    conf.setIfMissing("spark.ui.showConsoleProgress", "false");
    // Rows of a table are read so many at once, with the images in them; the default is 4096.
    conf.setIfMissing("spark.sql.parquet.columnarReaderBatchSize", "32");
    try (SparkSession spark = SparkSession.builder().config(conf).getOrCreate()) {
      requireOutput(spark.sparkContext().hadoopConfiguration());
      long start = System.nanoTime();
      write(score(spark, computing));
      report(spark, (System.nanoTime() - start) / 1e9);
    }
    return 0;
  }

  /** Replacing a table deletes a folder: it must be a table, and none that holds the images. */
  private void requireOutput(Configuration hadoop) {
    try {
      // What a pattern matches lies below what stands before it.
      String from = qualified(input.split("[*?\\[{]", 2)[0], hadoop) + "/";
      String to = qualified(output, hadoop) + "/";
      require(
          !from.startsWith(to) && !to.startsWith(from),
          Text.format(
              "the table %s and the images %s lie one in the other; name another table",
              output, input));
      org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(output);
      FileSystem system = path.getFileSystem(hadoop);
      if (system.exists(path)) {
        require(overwrite, Text.format("%s exists; use --overwrite to replace it", output));
        for (FileStatus entry : system.listStatus(path)) {
          String name = entry.getPath().getName();
          require(
              name.matches("[._].*|part-.*"),
              Text.format("%s is no table of Spark, it holds %s; name another", output, name));
        }
      }
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be used: %s", output, e), e);
    }
  }

  private static String qualified(String name, Configuration hadoop) throws IOException {
    org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(name);
    return path.getFileSystem(hadoop).makeQualified(path).toString();
  }

  private static void require(boolean met, String message) {
    if (!met) {
      throw new UserError(message);
    }
  }

  /** Cores of an executor, as far as is known before Spark starts. */
  static int cores(SparkConf conf) {
    String master = conf.get("spark.master", "");
    if (conf.contains("spark.executor.cores")) {
      return conf.getInt("spark.executor.cores", 1);
    } else if (master.equals("local")) {
      return 1;
    } else if (master.startsWith("local[")) {
      String count = master.substring("local[".length()).split("[,\\]]", 2)[0];
      return count.equals("*")
          ? Runtime.getRuntime().availableProcessors()
          : Integer.parseInt(count);
    }
    LOG.warn("spark.executor.cores is not set, so that each executor computes with one thread");
    return 1;
  }

  /** The predictions, not computed yet. */
  Dataset<Row> score(SparkSession spark, int computing) throws IOException {
    Settings settings = settings(spark, computing);
    Dataset<Row> rows;
    ImageBytes bytes;
    if (parquet) {
      rows =
          spark
              .read()
              .parquet(input)
              .select(
                  functions.col(pathColumn).cast("string"),
                  functions.col(contentColumn).cast("binary"));
      bytes = new ImageBytes(null);
    } else {
      List<String> names = ImageBytes.names(input, spark.sparkContext().hadoopConfiguration());
      int tasks =
          Math.max(spark.sparkContext().defaultParallelism(), names.size() / IMAGES_PER_TASK);
      rows =
          spark
              .createDataset(
                  new JavaSparkContext(spark.sparkContext()).parallelize(names, tasks).rdd(),
                  Encoders.STRING())
              .toDF("path");
      bytes =
          new ImageBytes(new SerializableConfiguration(spark.sparkContext().hadoopConfiguration()));
    }
    return rows.mapPartitions(
        new ScorePartition(settings, bytes), Encoders.row(ScorePartition.SCHEMA));
  }

  private Settings settings(SparkSession spark, int computing) {
    Path file = shipped(spark);
    LoadedModel loaded = ModelFiles.open(file, Optional.empty());
    ModelCalibration calibration = ModelCalibration.of(loaded.info()).orElse(null);
    Decision decision =
        new Decision(operatingPoint, error > 0 ? OptionalDouble.of(error) : OptionalDouble.empty());
    decision.require(Optional.ofNullable(calibration), LOG::warn);
    return new Settings(
        file.getFileName().toString(),
        Digests.ofFile(file, "the model", () -> false),
        precision,
        tune,
        batch,
        computing,
        operatingPoint,
        error);
  }

  /** Gives the model to all executors; returns the driver's copy. */
  private Path shipped(SparkSession spark) {
    if (model.matches("[a-z][a-z0-9+.-]+:/.*")) {
      spark.sparkContext().addFile(model);
      return Path.of(SparkFiles.get(model.substring(model.lastIndexOf('/') + 1)));
    }
    if (Files.exists(Path.of(model))) {
      Path file = ModelFiles.file(Path.of(model));
      if (file.toString().endsWith(".index.json")) {
        throw new UserError(
            Text.format(
                "%s is in several files; make one of them first: jresnet convert %s model.safetensors",
                model, Text.shellWord(model)));
      }
      spark.sparkContext().addFile(file.toAbsolutePath().toString());
      return file;
    }
    Path file = Path.of(SparkFiles.get(model));
    if (!Files.exists(file)) {
      throw new UserError(
          Text.format(
              "the model %s is neither on the driver nor among the files of spark-submit --files",
              model));
    }
    return file;
  }

  /**
   * Writes a table. A task that failed or was doubled leaves nothing: its files are renamed last.
   */
  void write(Dataset<Row> scored) {
    scored.write().mode(overwrite ? SaveMode.Overwrite : SaveMode.ErrorIfExists).parquet(output);
  }

  private void report(SparkSession spark, double seconds) {
    List<Row> verdicts =
        spark.read().parquet(output).groupBy("verdict").count().orderBy("verdict").collectAsList();
    long images = verdicts.stream().mapToLong(row -> row.getLong(1)).sum();
    StringBuilder text = new StringBuilder();
    for (Row row : verdicts) {
      text.append(
          Text.format(", %s %s", row.getLong(1), row.isNullAt(0) ? "failed" : row.getString(0)));
    }
    LOG.warn(
        "{} in {}{}; {} s, {} images/s",
        Text.count(images, "image"),
        output,
        text,
        Text.format("%.1f", seconds),
        Text.format("%.1f", images / seconds));
  }
}
