package org.jresnet;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What {@code tools/gpu-check} does with stages that pass, fail, hang or are cut off, in a bundle
 * of stand-ins: short scripts in the place of Java, jresnet, Python and nvidia-smi.
 */
@Timeout(900)
final class GpuCheckTest {
  /** Answers as {@code jresnet} does on a machine with an H200. */
  private static final List<String> JRESNET =
      List.of(
          "echo \"jresnet $*\" >> \"$CALLS\"",
          "case $1 in",
          "  doctor)",
          "    printf '%-38s %s\\n' gpu_0 'NVIDIA H200, compute capability 9.0, 143771 MB' >&2",
          "    printf '%-38s %s\\n' cudnn 9.19.0 >&2",
          "    printf '%-38s %s\\n' gpu usable >&2",
          "    echo '{\"gpu_0_properties\":\"{\\\"smVersion\\\":900}\",\"gpu\":\"usable\"}' ;;",
          "  plan) cat \"$PLAN\" ;;",
          "  profile) echo 'Step: 40.0 ms, 6400 images/s' ;;",
          "  bench) echo 'resnet50-train-bf16-b256-224 6400.0 40.0' ;;",
          "esac");

  private static final String PASSED = "echo '[         3 tests successful      ]'";

  @TempDir private Path folder;
  private Path bundle;
  private Path out;

  /** What a call has said, and how it ended. */
  private record Ended(int code, String said) {}

  @BeforeEach
  void makeBundle() throws IOException {
    bundle = folder.resolve("bundle");
    out = folder.resolve("out");
    Files.createDirectories(bundle.resolve("tests"));
    Files.createDirectories(bundle.resolve("plans"));
    Files.copy(Path.of("tools", "gpu-check"), executable(bundle.resolve("gpu-check")));
    assertThat(bundle.resolve("gpu-check").toFile().setExecutable(true)).isTrue();
    Files.copy(plan(), bundle.resolve("plans").resolve(plan().getFileName()));
    script(bundle.resolve("jresnet"), JRESNET);
    java(PASSED);
    script(folder.resolve("bin/nvidia-smi"), List.of("echo 'NVIDIA H200, driver 580'"));
    script(folder.resolve("bin/python3"), List.of("exit 1"));
  }

  private static Path plan() {
    return Path.of("docs", "results", "plan-h200-train-bf16-b256.txt");
  }

  private static Path executable(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    return file;
  }

  private static void script(Path file, List<String> lines) throws IOException {
    Files.writeString(executable(file), "#!/bin/sh\n" + String.join("\n", lines) + "\n");
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  /** What stands in for Java, which runs the tests. */
  private void java(String... lines) throws IOException {
    List<String> all = new ArrayList<>(List.of("echo \"java $*\" >> \"$CALLS\""));
    all.addAll(List.of(lines));
    script(bundle.resolve("runtime/bin/java"), all);
  }

  private Process start(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(bundle.resolve("gpu-check").toString()));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--out", out.toString()));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("PATH", folder.resolve("bin") + ":" + System.getenv("PATH"));
    builder.environment().put("CALLS", calls().toString());
    builder.environment().put("PLAN", plan().toAbsolutePath().toString());
    builder.environment().put("PIDS", folder.resolve("pids").toString());
    return builder.start();
  }

  private Ended run(String... arguments) throws Exception {
    Process process = start(arguments);
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), said);
  }

  private Path calls() {
    return folder.resolve("calls");
  }

  private long calls(String of) throws IOException {
    try (Stream<String> lines = Files.lines(calls())) {
      return lines.filter(Pattern.compile(of).asPredicate()).count();
    }
  }

  /** The line of a stage in the summary. */
  private String stage(String name) throws IOException {
    try (Stream<String> lines = Files.lines(out.resolve("summary.md"))) {
      return lines
          .filter(line -> line.startsWith("| " + name + " |"))
          .findFirst()
          .orElse("no line for " + name);
    }
  }

  /** A file of the details. */
  private String detail(String name) throws Exception {
    Process tar =
        new ProcessBuilder("tar", "-xzOf", out.resolve("results.tar.gz").toString(), "./" + name)
            .start();
    String text = new String(tar.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(tar.waitFor()).as(name).isZero();
    return text;
  }

  @Test
  void aCallLeavesASummaryAndAnArchive() throws Exception {
    Ended ended = run("1");
    assertThat(ended.code).as(ended.said).isZero();
    assertThat(stage("machine")).contains("| ok |", "NVIDIA H200", "cuDNN 9.19.0");
    assertThat(stage("contract")).contains("| ok |", "3 tests successful");
    assertThat(stage("speed"))
        .contains("| ok |", "untuned resnet50-train-bf16-b256-224 6400.0 images/s");
    assertThat(stage("profile")).contains("| ok |", "Step: 40.0 ms");
    assertThat(ended.said).contains(stage("contract"));
    assertThat(detail("gpu-properties.json")).isEqualTo("{\"smVersion\":900}\n");
    assertThat(detail("nvidia-smi.txt")).contains("driver 580");
    assertThat(detail("contract.txt")).contains("3 tests successful");
    try (Stream<Path> files = Files.list(out)) {
      assertThat(files.map(p -> p.getFileName().toString()))
          .containsExactlyInAnyOrder("summary.md", "results.tar.gz");
    }
  }

  @Test
  void withoutPyTorchTheRestIsDone() throws Exception {
    Ended ended = run("2");
    assertThat(ended.code).as(ended.said).isZero();
    assertThat(stage("plan"))
        .contains("| ok |", "106 of 106 batch norms", "102 of 102 operations by the engine");
    for (String stage : List.of("torch", "step", "curve")) {
      assertThat(stage(stage)).contains("| not run |", "no PyTorch with CUDA here");
    }
  }

  @Test
  void wholeRunsAreAmongTheTests() throws Exception {
    assertThat(run("3", "--only", "order,train").code).isZero();
    assertThat(calls("GpuTrainingTest")).isEqualTo(1);
    assertThat(stage("train")).contains("| ok |", "3 tests successful");
  }

  /** What {@code --fusion auto} could be is decided by these times. */
  @Test
  void formsAreTimedBesideThePlainStep() throws Exception {
    assertThat(run("3", "--only", "order,forms").code).isZero();
    assertThat(calls("GpuFusionTest")).isEqualTo(1);
    for (String form : List.of("bf16-G", "bf16-2-streams", "fp16-C", "fp16-G", "fp16-M", "tf32")) {
      assertThat(stage("forms")).contains(form + " resnet50-train-bf16-b256-224 6400.0 images/s");
    }
    assertThat(calls("bench .* --fusion M")).isEqualTo(1);
    assertThat(calls("bench .* --streams 2")).isEqualTo(1);
    assertThat(detail("profile-train-fp16-M-b256.txt")).contains("Step: 40.0 ms");
    assertThat(detail("forms.md")).contains("## profile-train-bf16-G-b256", "Step: 40.0 ms");
  }

  @Test
  void aFormThatFailsFailsTheStage() throws Exception {
    script(
        bundle.resolve("jresnet"),
        List.of(
            "case $* in profile*M*) exit 1 ;; esac",
            "echo 'resnet50-train-bf16-b256-224 6400.0 40.0'"));
    assertThat(run("3", "--only", "forms").code).isEqualTo(1);
    assertThat(stage("forms")).contains("FAILED", "fp16-M resnet50-train-bf16-b256-224");
  }

  @Test
  void anEngineThatDiffersIsShown() throws Exception {
    Path other = bundle.resolve("plans").resolve(plan().getFileName());
    String text = Files.readString(other);
    Files.writeString(other, text.replace("cudnn:49 (1 of 14) ", "cudnn:50 (3 of 15) "));
    assertThat(run("2", "--only", "plan").code).isZero();
    assertThat(stage("plan")).contains("101 of 102 operations by the engine");
    assertThat(detail("plan-diff.txt")).contains("cudnn:49", "cudnn:50");
  }

  @Test
  void aNormWithoutACompiledEngineFails() throws Exception {
    Path text = folder.resolve("other-plan.txt");
    Files.writeString(
        text, Files.readString(plan()).replaceFirst("cudnn:0 \\(1 of 29\\) compiled", "kernels"));
    script(bundle.resolve("jresnet"), List.of("cat '" + text + "'"));
    assertThat(run("2", "--only", "plan").code).isEqualTo(1);
    assertThat(stage("plan")).contains("FAILED", "105 of 106 batch norms");
  }

  @Test
  void aStageThatFailsDoesNotKeepTheNextFromRunning() throws Exception {
    java(
        "case $* in *Contract*)",
        "  echo 'max pool :: FAILED'",
        "  echo '  element 7 is off'",
        "  exit 3 ;;",
        "esac",
        PASSED);
    Ended ended = run("1");
    assertThat(ended.code).as(ended.said).isEqualTo(1);
    assertThat(stage("contract")).contains("FAILED (exit code 3)");
    assertThat(stage("speed")).contains("| ok |");
    assertThat(Files.readString(out.resolve("summary.md"))).contains("element 7 is off");
  }

  @Test
  void testsThatDidNotRunHaveNotPassed() throws Exception {
    java("echo '  no GPU: a library is missing'", "echo '  no GPU: said again'", PASSED);
    assertThat(run("3", "--only", "order").code).isEqualTo(1);
    assertThat(stage("order"))
        .contains("FAILED", "no GPU: a library is missing")
        .doesNotContain("said again");
    java("echo '[         0 tests successful      ]'");
    assertThat(run("3", "--only", "order").code).as("no test at all").isEqualTo(1);
  }

  @Test
  void aStageThatHangsIsKilledWithAllThatItStarted() throws Exception {
    java(
        "case $* in *Contract*)",
        "  echo 'max pool :: SUCCESSFUL'",
        "  echo 'batch norm :: FAILED'",
        "  echo '  element 3 is off'",
        "  trap '' TERM",
        "  sleep 1000 & echo $! $$ > \"$PIDS\"",
        "  while :; do sleep 1; done ;;",
        "esac",
        PASSED);
    Ended ended = run("1", "--limit", "8");
    assertThat(ended.code).as(ended.said).isEqualTo(1);
    assertThat(stage("contract"))
        .contains("took more than its limit of 8 s", "so far 1 tests successful, 1 failed");
    assertThat(Files.readString(out.resolve("summary.md"))).contains("element 3 is off");
    assertThat(stage("speed")).contains("| ok |");
    for (String pid : Files.readString(folder.resolve("pids")).strip().split(" ")) {
      assertThat(alive(Long.parseLong(pid))).as("process %s", pid).isFalse();
    }
    assertThat(calls("Contract")).isEqualTo(1);
    assertThat(run("1", "--resume").code).isEqualTo(1);
    assertThat(calls("Contract")).as("a verdict stands").isEqualTo(1);
  }

  private static boolean alive(long pid) throws InterruptedException {
    for (int i = 0; i < 50; i++) {
      if (ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isEmpty()) {
        return false;
      }
      Thread.sleep(100);
    }
    return true;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aCallThatIsCutOffGoesOn(boolean forcibly) throws Exception {
    java(
        "case $* in *Contract*)",
        "  echo $$ > \"$PIDS\"",
        "  echo 'half of the tests :: SUCCESSFUL'",
        "  exec sleep 1000 ;;",
        "esac",
        PASSED);
    Process call = start("1");
    for (int i = 0; i < 3000 && !Files.exists(folder.resolve("pids")); i++) {
      Thread.sleep(100);
    }
    if (forcibly) {
      call.destroyForcibly();
    } else {
      call.destroy();
    }
    assertThat(call.waitFor(300, TimeUnit.SECONDS)).isTrue();
    assertThat(stage("machine")).contains("| ok |");
    assertThat(stage("contract")).contains(forcibly ? "| running |" : "| cut off |");
    assertThat(stage("contract").contains("so far 1 tests successful")).isNotEqualTo(forcibly);
    if (forcibly) {
      assertThat(out.resolve("running.txt")).content().contains("half of the tests");
    }
    long sleeping = Long.parseLong(Files.readString(folder.resolve("pids")).strip());
    if (forcibly) {
      // Nobody is left who could end it.
      ProcessHandle.of(sleeping).ifPresent(ProcessHandle::destroyForcibly);
    } else {
      assertThat(alive(sleeping)).as("the stage's process").isFalse();
    }

    java(PASSED);
    Ended ended = run("1", "--resume");
    assertThat(ended.code).as(ended.said).isZero();
    assertThat(calls("jresnet doctor")).as("has its verdict").isEqualTo(1);
    assertThat(calls("Contract")).isEqualTo(2);
    assertThat(stage("contract")).contains("| ok |");
    assertThat(stage("speed")).contains("| ok |");
    assertThat(detail("machine.txt")).contains("NVIDIA H200");
    assertThat(out.resolve("running.txt")).doesNotExist();
  }

  @Test
  void whatHasNoTimeLeftRunsInTheNextCall() throws Exception {
    java("sleep 2", PASSED);
    Ended ended = run("1", "--budget", "5");
    assertThat(ended.code).as(ended.said).isEqualTo(1);
    assertThat(stage("speed")).contains("| no time left |");
    assertThat(run("1", "--resume").code).isZero();
    assertThat(stage("speed")).contains("| ok |");
  }

  @Test
  void aMissingLibraryIsNamed() throws Exception {
    script(
        bundle.resolve("jresnet"),
        List.of(
            "printf '%-38s %s\\n' gpu 'none usable: missing: libcudnn.so.9; install it' >&2",
            "echo '{\"gpu\":\"none usable\"}'"));
    Ended ended = run("1");
    assertThat(ended.code).as(ended.said).isEqualTo(1);
    assertThat(stage("machine")).contains("FAILED", "missing: libcudnn.so.9; install it");
    assertThat(stage("contract")).contains("| ok |");
  }

  @Test
  void plansAndKernelsComeBackAndNativeLibrariesDoNot() throws Exception {
    script(
        bundle.resolve("jresnet"),
        List.of(
            "mkdir -p \"$XDG_CACHE_HOME/jresnet\" && echo '{}' >"
                + " \"$XDG_CACHE_HOME/jresnet/plans-x.json\"",
            "echo \"$JRESNET_OPTS\" >> \"$CALLS\"",
            "echo 'resnet50-train-bf16-b256-224 6400.0 40.0'"));
    Ended ended = run("2", "--only", "bench");
    assertThat(ended.code).as(ended.said).isZero();
    assertThat(out.resolve("jresnet/plans-x.json")).hasContent("{}");
    assertThat(calls("-Dorg.bytedeco.javacpp.cachedir=" + Pattern.quote(out + ""))).isZero();
    assertThat(calls("-Dorg.bytedeco.javacpp.cachedir=/")).isEqualTo(2);
    assertThat(stage("bench")).contains("graph resnet50-train-bf16-b256-224 6400.0 images/s;calls");
  }

  @Test
  void anotherNetworkIsMeasured() throws Exception {
    script(
        bundle.resolve("jresnet"),
        List.of(
            "echo \"jresnet $*\" >> \"$CALLS\"",
            "case $1 in",
            "  plan) cat \"$PLAN\" ;;",
            "  bench) echo 'resnet18-train-bf16-b16-64 90.0 80.0' ;;",
            "esac"));
    String[] small = {"--model", "resnet18", "--batch", "16", "--size", "64"};
    for (String call : List.of("1 speed", "1 profile", "2 plan", "2 torch")) {
      List<String> arguments = new ArrayList<>(List.of(call.split(" ")));
      arguments.add(1, "--only");
      arguments.addAll(List.of(small));
      assertThat(run(arguments.toArray(String[]::new)).code).as(call).isZero();
    }
    assertThat(calls("--model resnet18")).isEqualTo(3);
    assertThat(calls("--size 64")).isEqualTo(3);
    assertThat(stage("speed")).contains("untuned resnet18-train-bf16-b16-64 90.0 images/s");
    assertThat(stage("torch")).contains("| not run |", "resnet50, not for resnet18");
  }

  @Test
  void aBenchmarkThatFailsIsNamed() throws Exception {
    script(
        bundle.resolve("jresnet"),
        List.of(
            "case $* in *--no-cuda-graph*)",
            "  echo 'jresnet: a symbol is missing' >&2",
            "  exit 1 ;;",
            "esac",
            "echo 'resnet50-train-bf16-b256-224 6400.0 40.0'"));
    assertThat(run("2", "--only", "bench").code).isEqualTo(1);
    assertThat(stage("bench")).contains("FAILED", "6400.0 images/s;calls failed");
    assertThat(Files.readString(out.resolve("summary.md"))).contains("a symbol is missing");
  }

  /** What JVM and linker say when a library is not the right one. */
  @Test
  void aCrashIsExplained() throws Exception {
    java(
        "case $* in *Contract*)",
        "  echo 'max pool :: SUCCESSFUL'",
        "  echo '#  SIGSEGV (0xb) at pc=0x1, pid=1, tid=2'",
        "  echo '# C  [libcudnn_graph.so.9+0x10]  cudnnBackendFinalize'",
        "  echo 'frames' > \"${2#-XX:ErrorFile=}\"",
        "  exit 134 ;;",
        "esac");
    script(
        bundle.resolve("jresnet"),
        List.of("echo 'java: symbol lookup error: undefined symbol: cudnnX' >&2", "exit 127"));
    assertThat(run("1").code).isEqualTo(1);
    assertThat(stage("machine")).contains("FAILED (exit code 127)", "undefined symbol: cudnnX");
    assertThat(stage("contract"))
        .contains("FAILED (exit code 134)", "so far 1 tests successful", "SIGSEGV")
        .contains("[libcudnn_graph.so.9+0x10]");
    assertThat(detail("crash-%p.txt")).isEqualTo("frames\n");
    assertThat(stage("speed")).contains("FAILED", "untuned failed");
    assertThat(stage("profile")).contains("FAILED", "undefined symbol: cudnnX");
  }

  /** The limits of some hosts count files. */
  @Test
  void whatAKilledStageWasWritingIsRemoved() throws Exception {
    java("mkdir -p \"$XDG_CACHE_HOME/jresnet\"", "echo x > $XDG_CACHE_HOME/jresnet/making1.tmp");
    assertThat(run("3", "--only", "order").code).isEqualTo(1);
    assertThat(out.resolve("jresnet")).isEmptyDirectory();
  }

  @Test
  void anotherCallAddsToTheSameResults() throws Exception {
    assertThat(run("1").code).isZero();
    assertThat(run("2", "--only", "curve").code).isZero();
    assertThat(stage("machine")).contains("| ok |");
    assertThat(stage("curve")).contains("| not run |");
    Ended again = run("1");
    assertThat(again.code).isEqualTo(2);
    assertThat(again.said).contains("has results of call 1 already", "--resume", "--only");
  }

  @Test
  void largeFilesAreCut() throws Exception {
    java("yes 'a line of output' | head -n 500000", PASSED);
    assertThat(run("3", "--only", "order").code).isZero();
    String text = detail("order.txt");
    assertThat(text.length()).isLessThan(4 << 20);
    assertThat(text)
        .startsWith("gpu-check: order\na line")
        .contains("cut by gpu-check")
        .contains("3 tests");
  }

  @Test
  void wrongArgumentsAreRefused() throws Exception {
    Ended stage = run("1", "--only", "bench");
    assertThat(stage.code).isEqualTo(2);
    assertThat(stage.said).contains("stages of call 1", "contract", "found 'bench'");
    assertThat(run("4").said).contains("gpu-check 1|2|3 --out DIR");
    assertThat(run("1", "--batch", "many").said).contains("--batch", "found 'many'");
    assertThat(run("1", "--size", "8").said).contains("--size", "at least 32");
    Files.delete(bundle.resolve("runtime/bin/java"));
    assertThat(run("1").said).contains("tools/bundle --backend gpu --tests");
  }
}
