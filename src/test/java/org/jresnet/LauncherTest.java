package org.jresnet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The script {@code ./jresnet} in a checkout of its own, with a {@code java} and an {@code mvn}
 * that only say how they were called: it works, or says in one line what is wrong and what to do.
 */
final class LauncherTest {
  /** What the script may find on its PATH besides Java and Maven. */
  private static final List<String> TOOLS =
      List.of(
          "sh readlink dirname sed head find grep locale stat flock rm cat sleep touch mkdir"
              .split(" "));

  private static final String JAVA =
      """
      #!/bin/sh
      case "$*" in
        *-version) echo 'openjdk version "%s" 2025-01-01' >&2; exit 0 ;;
      esac
      echo "arguments: $*"
      echo "locale: ${LC_ALL:-}"
      echo "threads: ${OMP_NUM_THREADS:-} ${OMP_PROC_BIND:-}"
      echo "signals: ${UCX_ERROR_SIGNALS-UCX takes them} ${HFI_NO_BACKTRACE-Omni-Path takes them}"
      exit 7
      """;

  private static final String MAVEN =
      """
      #!/bin/sh
      echo "called with $*" >> mvn.log
      sleep 0.3
      i=0
      while [ $i -lt 120 ]; do i=$((i + 1)); echo "Downloaded from central: file $i"; done
      echo '[INFO] --- maven-compiler-plugin:3.14.1:compile (default-compile) @ jresnet ---'
      echo '[INFO] Compiling'
      mkdir -p target && touch target/jresnet.jar
      echo '[ERROR] Foo.java:[1,2] an error of the compiler'
      exit %s
      """;

  private record Result(int code, String out, String err) {
    /** Failed with one line on standard error that contains all of these. */
    void failsSaying(String... parts) {
      assertThat(err).startsWith("jresnet: ").contains(parts).endsWith("\n");
      assertThat(err.lines()).hasSize(1);
      assertThat(out).isEmpty();
      assertThat(code).isEqualTo(1);
    }

    /** Came to the end, and gave back the code of Java. */
    void works() {
      assertThat(code).as(err).isEqualTo(7);
      assertThat(out).contains("arguments: ");
    }
  }

  @TempDir Path temporary;
  private Path checkout;
  private Path bin;
  private final Map<String, String> environment = new TreeMap<>();

  @BeforeEach
  void prepare() throws IOException {
    checkout = temporary.resolve("a jresnet of Zoë");
    bin = temporary.resolve("bin");
    Files.createDirectories(checkout.resolve("src/main"));
    Files.createDirectories(checkout.resolve("native-bindings"));
    Files.createDirectories(bin);
    for (String tool : TOOLS) {
      Path real = real(tool);
      if (real != null) {
        Files.createSymbolicLink(bin.resolve(tool), real);
      }
    }
    Files.copy(Path.of("jresnet"), launcher(), StandardCopyOption.COPY_ATTRIBUTES);
    Files.writeString(checkout.resolve("pom.xml"), "<project/>");
    script(bin.resolve("java"), JAVA.formatted("17.0.1"));
    script(bin.resolve("javac"), "#!/bin/sh\n");
    script(bin.resolve("mvn"), MAVEN.formatted(0));
    environment.put("PATH", bin.toString());
    environment.put("LC_ALL", "C.UTF-8");
  }

  /** JUnit would warn of each link. */
  @AfterEach
  void removeLinks() throws IOException {
    for (String tool : TOOLS) {
      Files.deleteIfExists(bin.resolve(tool));
    }
  }

  private static Path real(String tool) {
    return List.of("/bin", "/usr/bin").stream()
        .map(folder -> Path.of(folder, tool))
        .filter(Files::isExecutable)
        .findFirst()
        .orElse(null);
  }

  private Path launcher() {
    return checkout.resolve("jresnet");
  }

  private Path jar() {
    return checkout.resolve("target").resolve("jresnet.jar");
  }

  private void built() throws IOException {
    Files.createDirectories(jar().getParent());
    Files.writeString(jar(), "");
  }

  /** A jar whose program is {@link Exists}. */
  private void writeJar() throws IOException {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, Exists.class.getName());
    String entry = Exists.class.getName().replace('.', '/') + ".class";
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar()), manifest);
        InputStream code = Exists.class.getResourceAsStream("/" + entry)) {
      out.putNextEntry(new JarEntry(entry));
      code.transferTo(out);
    }
  }

  /** Exits with 0 if the file that it is given exists, else with 3. */
  static final class Exists {
    public static void main(String[] arguments) {
      System.exit(Files.exists(Path.of(arguments[0])) ? 0 : 3);
    }
  }

  private static void script(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    assertThat(file.toFile().setExecutable(true, false)).isTrue();
  }

  private Result run(String... command) throws IOException, InterruptedException {
    return end(start(command));
  }

  private Process start(String... command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).directory(temporary.toFile());
    builder.environment().clear();
    builder.environment().putAll(environment);
    return builder.start();
  }

  private static Result end(Process process) throws IOException, InterruptedException {
    process.getOutputStream().close();
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return new Result(process.exitValue(), out, err);
  }

  private Result launch(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(launcher().toString()));
    command.addAll(List.of(arguments));
    return run(command.toArray(String[]::new));
  }

  /** As the shell would after these commands, such as a limit. */
  private Result launchAfter(String commands) throws IOException, InterruptedException {
    return run("/bin/sh", "-c", commands + "; exec \"$0\"", launcher().toString());
  }

  @Test
  void passesArgumentsThroughAndTheExitCodeBack() throws Exception {
    built();
    Result result = launch("predict", "my model", "*", "--threads", "3", "--pin");
    result.works();
    assertThat(result.out())
        .contains(" -jar " + jar() + " predict my model * --threads 3 --pin\n")
        .contains("threads: 3 close");
    assertThat(result.err()).isEmpty();
  }

  /** Java ends at the first signal that they take from it. */
  @Test
  void keepsLibrariesOfNetworksFromTakingSignals() throws Exception {
    built();
    assertThat(launch("train").out()).contains("signals:  1\n");
    environment.put("UCX_ERROR_SIGNALS", "SIGBUS");
    assertThat(launch("train").out()).contains("signals: SIGBUS 1\n");
  }

  @Test
  void missingJava() throws Exception {
    Files.delete(bin.resolve("java"));
    launch().failsSaying("no java found", "17 or newer", "JAVA_HOME");
  }

  @ParameterizedTest
  @CsvSource({"11.0.2,11", "1.8.0_402,8", "16-ea,16"})
  void oldJava(String version, String shown) throws Exception {
    script(bin.resolve("java"), JAVA.formatted(version));
    launch().failsSaying("Java 17 or newer is needed", "is version " + shown + ".", "JAVA_HOME");
  }

  @ParameterizedTest
  @ValueSource(strings = {"17", "25.0.1", "26-ea"})
  void newJava(String version) throws Exception {
    built();
    script(bin.resolve("java"), JAVA.formatted(version));
    launch().works();
  }

  @Test
  void javaThatDoesNotStart() throws Exception {
    script(
        bin.resolve("java"),
        "#!/bin/sh\necho 'Error: Could not create the Java Virtual Machine.'\necho more\nexit 1\n");
    launch().failsSaying("does not start: Error: Could not create the Java Virtual Machine.");
  }

  @Test
  void wrongJavaHome() throws Exception {
    environment.put("JAVA_HOME", "/nowhere");
    launch().failsSaying("JAVA_HOME is /nowhere", "no bin/java", "unset");
  }

  @Test
  void javaHomeWithSpaces() throws Exception {
    built();
    Files.delete(bin.resolve("java"));
    Path java = temporary.resolve("my JDK");
    script(java.resolve("bin/java"), JAVA.formatted("21"));
    environment.put("JAVA_HOME", java.toString());
    launch().works();
  }

  @Test
  void limitedAddressSpace() throws Exception {
    built();
    launchAfter("ulimit -v 4000000").failsSaying("4000000 kB", "ulimit -v", "unlimited");
    launchAfter("ulimit -v 60000000").works();
  }

  @Test
  void limitedFiles() throws Exception {
    built();
    launchAfter("ulimit -n 32").failsSaying("only 32 files", "ulimit -n", "256", "nofile");
    // Java itself raises a soft limit.
    launchAfter("ulimit -Sn 32").works();
  }

  @Test
  void throughLinksFromElsewhere() throws Exception {
    built();
    Files.createDirectories(temporary.resolve("links"));
    Files.createSymbolicLink(
        temporary.resolve("links/second"), Path.of("../" + checkout.getFileName() + "/jresnet"));
    Files.createSymbolicLink(temporary.resolve("first"), Path.of("links/second"));
    environment.put("CDPATH", "/:.");
    Result result = run("./first");
    result.works();
    assertThat(result.out()).contains(" -jar " + jar());
  }

  @ParameterizedTest
  @ValueSource(strings = {"C", "POSIX", "", "xx_YY.UTF-8"})
  void setsALocaleThatCanNameEveryFile(String locale) throws Exception {
    built();
    environment.remove("LC_ALL");
    if (!locale.isEmpty()) {
      environment.put("LC_ALL", locale);
    }
    Result result = launch();
    result.works();
    assertThat(result.out()).containsPattern("locale: .*\\.(UTF-8|utf8)\n");
    // And the real Java finds such a file.
    environment.put("JAVA_HOME", System.getProperty("java.home"));
    writeJar();
    Path file = Files.writeString(temporary.resolve("größe-写真.jpg"), "");
    assertThat(launch(file.toString()).code()).isZero();
    assertThat(launch(file + "x").code()).isEqualTo(3);
  }

  @Test
  void keepsALocaleWithUtf8() throws Exception {
    built();
    environment.remove("LC_ALL");
    environment.put("LANG", "C.UTF-8");
    assertThat(launch().out()).contains("locale: \n");
  }

  @Test
  void buildsOnceAndShowsWhatMavenDoes() throws Exception {
    Result result = launch();
    result.works();
    assertThat(result.err())
        .startsWith("jresnet: building with Maven")
        .contains("about a minute", "jresnet:   compile (maven-compiler-plugin)\n")
        .contains("jresnet:   50 files fetched\njresnet:   100 files fetched\n")
        .doesNotContain("Downloaded", "Compiling");
    assertThat(launch().err()).isEmpty();
    Path source = Files.writeString(checkout.resolve("src/main/New.java"), "");
    Files.setLastModifiedTime(source, FileTime.fromMillis(System.currentTimeMillis() + 5000));
    assertThat(launch().err()).startsWith("jresnet: building with Maven");
    assertThat(checkout.resolve("mvn.log")).content().hasLineCount(2);
  }

  @Test
  void firstStartsAtTheSameTimeBuildOnce() throws Exception {
    assumeTrue(real("flock") != null, "no flock here");
    List<Process> starts = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      starts.add(start(launcher().toString()));
    }
    for (Process p : starts) {
      end(p).works();
    }
    assertThat(checkout.resolve("mvn.log")).content().hasLineCount(1);
  }

  @Test
  void aFailedBuildShowsTheErrorsAndLeavesNoJar() throws Exception {
    script(bin.resolve("mvn"), MAVEN.formatted(1));
    Result result = launch();
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err())
        .contains("[ERROR] Foo.java:[1,2] an error of the compiler\n")
        .contains("jresnet: the build failed");
    assertThat(result.out()).isEmpty();
    assertThat(jar()).doesNotExist();
  }

  @Test
  void missingMaven() throws Exception {
    Files.delete(bin.resolve("mvn"));
    launch().failsSaying("no mvn found", "apt install maven");
  }

  @Test
  void missingCompiler() throws Exception {
    Files.delete(bin.resolve("javac"));
    launch().failsSaying("no compiler", "a JDK, not a JRE");
  }

  @Test
  void checkoutOfSomebodyElse() throws Exception {
    boolean root = "root".equals(System.getProperty("user.name"));
    assumeTrue(!root || real("setpriv") != null, "no setpriv to become another user");
    Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.setPosixFilePermissions(checkout, PosixFilePermissions.fromString("r-xr-xr-x"));
    String[] command =
        root
            ? new String[] {
              real("setpriv").toString(),
              "--reuid=65534",
              "--regid=65534",
              "--clear-groups",
              launcher().toString()
            }
            : new String[] {launcher().toString()};
    run(command).failsSaying("must be built, and you may not write there", "Ask its owner");
    Files.setPosixFilePermissions(checkout, PosixFilePermissions.fromString("rwxr-xr-x"));
    built();
    run(command).works();
  }

  @Test
  void aBundleNeedsNoJavaOfTheHost() throws Exception {
    Files.delete(bin.resolve("java"));
    Files.delete(bin.resolve("mvn"));
    environment.put("JAVA_HOME", "/nowhere");
    script(checkout.resolve("runtime/bin/java"), JAVA.formatted("17"));
    Result result = launch("demo");
    result.works();
    assertThat(result.out()).contains(" -jar " + checkout.resolve("app/jresnet.jar") + " demo");
  }
}
