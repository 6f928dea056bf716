package org.jresnet.distributed;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.data.shards.TestShards;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Ranks that MPI connects, in processes of their own: {@code mvn -B -Pmpi}. Builds the binding with
 * {@code tools/build-mpi}, and skips where there is no MPI.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(300)
final class MpiTest {
  private static final int PATIENCE_SECONDS = 120;

  private Path folder;
  private Path program;
  private Path faces;

  @BeforeAll
  void build(@TempDir Path shared) throws IOException, InterruptedException {
    folder = shared;
    Assumptions.assumeTrue(
        Boolean.getBoolean("jresnet.test.mpi"), "MPI is tested by mvn -B -Pmpi alone");
    for (String tool : List.of("mpicc", "mpirun", "g++")) {
      Assumptions.assumeTrue(
          onPath(tool), "there is no " + tool + " here (Debian: openmpi-bin, libopenmpi-dev, g++)");
    }
    Run build = new Run(List.of("tools/build-mpi"), Map.of());
    assertThat(build.end(PATIENCE_SECONDS)).as(build.said()).isZero();
    // mpirun rewrites a command that begins with java.
    program = Files.createFile(folder.resolve("program"));
    // With FOLDERS, each rank works in a folder of its own, as on a machine of its own.
    Files.writeString(
        program,
        "#!/bin/sh\n"
            + "[ -z \"$FOLDERS\" ] || cd \"$FOLDERS/$OMPI_COMM_WORLD_RANK\"\n"
            + "[ \"$LATE\" != \"$OMPI_COMM_WORLD_RANK\" ] || sleep 60\n"
            + "[ \"$OMPI_COMM_WORLD_RANK\" != 1 ] || set -- \"$@\" $RANK_1_ALONE\n"
            + "exec \"$JAVA\" -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
            + " -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 -Djava.awt.headless=true -cp \"$CLASSES\""
            + " \"$@\"\n");
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(20, 32, 4), done -> {});
  }

  private static boolean onPath(String tool) {
    return Stream.of(System.getenv("PATH").split(":"))
        .anyMatch(entry -> Files.isExecutable(Path.of(entry, tool)));
  }

  /** A process whose output is kept. */
  private final class Run {
    private final Path log;
    private final Process process;

    Run(List<String> command, Map<String, String> environment) throws IOException {
      log = Files.createTempFile(folder, "run", ".log");
      ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
      builder.redirectOutput(log.toFile());
      Map<String, String> all = builder.environment();
      all.put("JAVA", Path.of(System.getProperty("java.home"), "bin", "java").toString());
      all.put("CLASSES", System.getProperty("java.class.path"));
      all.put("JRESNET_CLASSES", System.getProperty("java.class.path"));
      all.put("JRESNET_MPI", folder.resolve("mpi").toString());
      all.put("OMP_NUM_THREADS", "1");
      // Open MPI refuses root unless it is asked twice.
      all.put("OMPI_ALLOW_RUN_AS_ROOT", "1");
      all.put("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
      all.putAll(environment);
      process = builder.start();
    }

    int end(int seconds) throws InterruptedException {
      if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor();
        throw new AssertionError("still running after " + seconds + " s: " + said());
      }
      return process.exitValue();
    }

    String said() {
      try {
        return Files.readString(log);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }

    /** The process of a rank. */
    ProcessHandle rank(int number) {
      return process
          .descendants()
          .filter(p -> environment(p).contains("OMPI_COMM_WORLD_RANK=" + number + "\0"))
          .findFirst()
          .orElseThrow();
    }

    private static String environment(ProcessHandle p) {
      try {
        return new String(
            Files.readAllBytes(Path.of("/proc", String.valueOf(p.pid()), "environ")),
            java.nio.charset.StandardCharsets.ISO_8859_1);
      } catch (IOException e) {
        return "";
      }
    }
  }

  private Run ranks(int size, Map<String, String> environment, List<String> arguments)
      throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of("mpirun", "-np", "" + size, "--oversubscribe", "--bind-to", "none"));
    command.add(program.toString());
    command.addAll(arguments);
    return new Run(command, environment);
  }

  private Run train(int size, Path out, String... more) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("org.jresnet.cli.Main", "train"));
    arguments.addAll(List.of("--out", out.toString(), "--backend", "cpu"));
    arguments.addAll(List.of(more));
    return ranks(size, Map.of(), arguments);
  }

  private Run fresh(int size, Path out, int epochs, String... more) throws IOException {
    List<String> arguments = new ArrayList<>(List.of(faces.toString()));
    arguments.addAll(tiny(epochs));
    arguments.addAll(List.of(more));
    return train(size, out, arguments.toArray(String[]::new));
  }

  private static List<String> tiny(int epochs) {
    return List.of(
        "--model",
        "resnet18",
        "--width",
        "2",
        "--size",
        "16",
        "--batch",
        "2",
        "--split",
        "0.6,0.4,0",
        "--precision",
        "fp32",
        "--epochs",
        "" + epochs,
        "--rank-timeout",
        "6");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void theContract(int size) throws IOException, InterruptedException {
    String main = MpiContractMain.class.getName();
    Run run = ranks(size, Map.of(), List.of(main, "contract"));
    assertThat(run.end(PATIENCE_SECONDS)).as(run.said()).isZero();
    for (int rank = 0; rank < size; rank++) {
      assertThat(run.said()).contains("rank " + rank + " of " + size + " done");
    }
  }

  @Test
  void aRankThatComesTooLateIsNamed() throws IOException, InterruptedException {
    Run run = ranks(3, Map.of(), List.of(MpiContractMain.class.getName(), "late", "1", "4"));
    assertThat(run.end(PATIENCE_SECONDS)).isNotZero();
    assertThat(run.said())
        .contains("rank 1 of 3 did not come within 4 s")
        .doesNotContain("ranks 0, 1")
        .doesNotContain("done");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void aRun(int size) throws IOException, InterruptedException {
    Path out = folder.resolve("run" + size);
    Run run = fresh(size, out, 2, "--sync-norm", "--wire", "bf16");
    assertThat(run.end(PATIENCE_SECONDS)).as(run.said()).isZero();
    assertThat(run.said()).contains(size + " ranks train together");
    assertThat(run.said().split("\nEpoch   2 ", -1)).as("one display").hasSize(2);
    assertThat(Files.readString(out.resolve("run.json"))).contains("\"ranks\" : " + size);
  }

  private static void await(Path file) throws InterruptedException {
    for (int i = 0; i < PATIENCE_SECONDS * 20 && !Files.exists(file); i++) {
      Thread.sleep(50);
    }
    assertThat(file).exists();
  }

  private void goesOn(Path out) throws IOException, InterruptedException {
    int done = Files.readAllLines(out.resolve("metrics.csv")).size() - 1;
    Run on = train(2, out, "--resume", "--epochs", "" + (done + 2));
    assertThat(on.end(PATIENCE_SECONDS)).as(on.said()).isZero();
    assertThat(Files.readAllLines(out.resolve("metrics.csv"))).hasSize(done + 3);
  }

  @Test
  void aRankThatDiesEndsAllAndTheRunGoesOn() throws IOException, InterruptedException {
    Path out = folder.resolve("dies");
    Run run = fresh(2, out, 100_000);
    await(out.resolve("last.ckpt"));
    run.rank(1).destroyForcibly();
    assertThat(run.end(30)).as(run.said()).isNotZero();
    assertThat(run.said()).contains("rank 1");
    goesOn(out);
  }

  @Test
  void aRankThatHangsEndsAllAndTheRunGoesOn() throws IOException, InterruptedException {
    Path out = folder.resolve("hangs");
    Run run = fresh(2, out, 100_000);
    await(out.resolve("last.ckpt"));
    long pid = run.rank(1).pid();
    new ProcessBuilder("kill", "-STOP", "" + pid).start().waitFor();
    assertThat(run.end(40)).as(run.said()).isNotZero();
    assertThat(run.said()).contains("rank 1 of 2 did not come within 6 s").contains("--resume");
    goesOn(out);
  }

  @Test
  void theSignalOfASchedulerSavesAndIsASuccess() throws IOException, InterruptedException {
    Path out = folder.resolve("signal");
    Run run = fresh(2, out, 100_000);
    await(out.resolve("last.ckpt"));
    // mpirun passes it on to all ranks.
    new ProcessBuilder("kill", "-USR1", "" + run.process.pid()).start().waitFor();
    assertThat(run.end(60)).as(run.said()).isZero();
    saysOnce(run, "SIGUSR1: stopping");
    goesOn(out);
  }

  @Test
  void aDamagedShardOnOneRankEndsAll() throws IOException, InterruptedException {
    Path folders = folder.resolve("folders");
    for (String rank : List.of("0", "1")) {
      Path own = Files.createDirectories(folders.resolve(rank));
      TestShards.pack(faces, own.resolve("shards"));
    }
    Path shards = folders.resolve("1").resolve("shards");
    TestShards.damage(shards, 0);
    List<String> arguments = new ArrayList<>(List.of("org.jresnet.cli.Main", "train", "shards"));
    arguments.addAll(List.of("--out", folder + "/damaged", "--backend", "cpu"));
    arguments.addAll(tiny(2));
    // Nobody looks at the images before they are trained on.
    arguments.addAll(List.of("--trust-files", "--bad-images", "stop"));
    Run run = ranks(2, Map.of("FOLDERS", folders.toString()), arguments);
    assertThat(run.end(PATIENCE_SECONDS)).as(run.said()).isNotZero();
    assertThat(run.said())
        .contains("rank 1 of 2: ")
        .contains("damaged in the shard " + TestShards.tar(shards, 0));
    assertThat(folder.resolve("damaged/last.ckpt")).doesNotExist();
  }

  private Run named(Map<String, String> environment, Path out, String... more) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("org.jresnet.cli.Main", "train"));
    arguments.addAll(List.of(faces.toString(), "--out", out.toString(), "--backend", "cpu"));
    arguments.addAll(tiny(50));
    arguments.addAll(List.of(more));
    return ranks(2, environment, arguments);
  }

  private static void saysOnce(Run run, String text) {
    assertThat(run.said().split(Pattern.quote(text), -1)).as(run.said()).hasSize(2);
  }

  @Test
  void aRankThatDoesOtherThingsIsNamed() throws IOException, InterruptedException {
    Path out = folder.resolve("other");
    Run options = named(Map.of("RANK_1_ALONE", "--seed 7"), out);
    assertThat(options.end(PATIENCE_SECONDS)).as(options.said()).isNotZero();
    saysOnce(options, "rank 1 beside rank 0: options.seed was 42, is 7");
    Run resumes = named(Map.of("RANK_1_ALONE", "--resume"), out);
    assertThat(resumes.end(PATIENCE_SECONDS)).as(resumes.said()).isNotZero();
    saysOnce(resumes, ": train --resume, not jresnet ");
    assertThat(out).doesNotExist();
  }

  @Test
  void aRankThatNeverStartsEndsTheOthers() throws IOException, InterruptedException {
    Run run = named(Map.of("LATE", "1"), folder.resolve("never"));
    assertThat(run.end(40)).as(run.said()).isNotZero();
    assertThat(run.said()).contains("MPI has not started within 6 s");
  }

  /** All ranks find both, rank 0 says them. */
  @Test
  void errorsOfAllRanksAreSaidOnce() throws IOException, InterruptedException {
    Run warmup = named(Map.of(), folder.resolve("unwarmed"), "--scale-lr", "linear");
    assertThat(warmup.end(PATIENCE_SECONDS)).as(warmup.said()).isNotZero();
    saysOnce(warmup, "warmup must be greater than 0 with --scale-lr linear");
    Run diverging =
        named(
            Map.of(),
            folder.resolve("diverging"),
            "--optimizer",
            "sgd",
            "--lr",
            "1000",
            "--weight-decay",
            "0.9");
    assertThat(diverging.end(PATIENCE_SECONDS)).as(diverging.said()).isNotZero();
    saysOnce(diverging, "training diverged in epoch ");
  }

  @Test
  void anEvaluationIsShared() throws IOException, InterruptedException {
    Path out = folder.resolve("evaluated");
    Run trained = fresh(2, out, 1);
    assertThat(trained.end(PATIENCE_SECONDS)).as(trained.said()).isZero();
    List<String> tables = new ArrayList<>();
    for (int size : List.of(1, 3)) {
      Path table = folder.resolve("scores" + size + ".csv");
      List<String> arguments = new ArrayList<>(List.of("org.jresnet.cli.Main", "evaluate"));
      arguments.addAll(List.of(out.toString(), faces.toString(), "--csv", table.toString()));
      arguments.addAll(List.of("--precision", "fp32", "--batch", "4"));
      Run run = ranks(size, Map.of(), arguments);
      assertThat(run.end(PATIENCE_SECONDS)).as(run.said()).isZero();
      saysOnce(run, "Accuracy ");
      tables.add(Files.readString(table));
    }
    assertThat(tables.get(0).lines()).hasSize(41);
    assertThat(tables.get(1)).isEqualTo(tables.get(0));
  }

  @Test
  void sharedStepsAreTimed() throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>(List.of("org.jresnet.cli.Main", "bench"));
    arguments.addAll(List.of("--work", "train", "--model", "resnet18", "--classes", "2"));
    arguments.addAll(List.of("--precision", "fp32", "--size", "32", "--batch", "2"));
    arguments.addAll(List.of("--steps", "2", "--seconds", "0", "--no-check", "--json"));
    Run run = ranks(2, Map.of(), arguments);
    assertThat(run.end(PATIENCE_SECONDS)).as(run.said()).isZero();
    List<String> objects = run.said().lines().filter(line -> line.startsWith("{")).toList();
    assertThat(objects).as(run.said()).hasSize(1);
    assertThat(objects.get(0)).contains("\"ranks\":2").contains("\"exchange_ms\":");
  }

  @Test
  void withoutTheBindingThereIsNoRun() throws IOException, InterruptedException {
    Path empty = Files.createDirectories(folder.resolve("empty"));
    Run run =
        ranks(
            2,
            Map.of("JRESNET_MPI", empty.toString()),
            List.of("org.jresnet.cli.Main", "train", faces.toString(), "--out", folder + "/none"));
    assertThat(run.end(PATIENCE_SECONDS)).isNotZero();
    assertThat(run.said())
        .contains("mpirun of Open MPI has started 2 processes, and there is no binding to MPI")
        .contains("tools/build-mpi");
  }
}
