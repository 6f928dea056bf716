package org.jresnet;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code tools/cuda-libs} with a pip that only notes what it is asked for. */
final class CudaLibsToolTest {
  private static final String PIP =
      """
      #!/bin/sh
      echo "$*" >> calls.txt
      previous=
      for argument in "$@"; do
        case $previous in
          --target) mkdir -p "$argument/nvidia/cudnn" ;;
          -r) cp "$argument" asked.txt ;;
        esac
        previous=$argument
      done
      exit %d
      """;
  private static final String COMPILER =
      "#!/bin/sh\nfor last in \"$@\"; do :; done\ntouch \"$last\"\n";

  @TempDir Path temporary;

  @BeforeEach
  void prepare() throws IOException {
    script("python3", PIP.formatted(0));
    script("cc", COMPILER);
  }

  private void script(String name, String text) throws IOException {
    Path file = temporary.resolve("bin").resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  private int fetch(StringBuilder said) throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(Path.of("tools/cuda-libs").toAbsolutePath().toString(), "the libs")
            .directory(temporary.toFile())
            .redirectErrorStream(true);
    builder.environment().put("PATH", temporary.resolve("bin") + ":/usr/bin:/bin:/usr/sbin:/sbin");
    Process process = builder.start();
    said.append(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
    return process.waitFor();
  }

  @Test
  void everyWheelHasAVersionAndAHashAndIsFetchedOnce() throws Exception {
    StringBuilder said = new StringBuilder();
    assertThat(fetch(said)).as(said.toString()).isZero();
    assertThat(fetch(said)).isZero();
    assertThat(said.toString()).contains(temporary.resolve("the libs").toString());
    List<String> calls = Files.readAllLines(temporary.resolve("calls.txt"));
    assertThat(calls).hasSize(1);
    assertThat(calls.get(0)).contains("--require-hashes", "--only-binary :all:", "--no-deps");
    assertThat(Files.readAllLines(temporary.resolve("asked.txt")))
        .hasSize(4)
        .allMatch(line -> line.matches("nvidia-[a-z0-9-]+==[0-9.]+ --hash=sha256:[0-9a-f]{64}"));
  }

  @Test
  void aRefusedWheelLeavesNothing() throws Exception {
    script("python3", PIP.formatted(1));
    StringBuilder said = new StringBuilder();
    assertThat(fetch(said)).isEqualTo(1);
    assertThat(said.toString()).contains("pip could not fetch");
    assertThat(temporary.resolve("the libs")).isEmptyDirectory();
  }

  @Test
  void otherVersionsAreNotTaken() throws Exception {
    Files.createDirectories(temporary.resolve("the libs/nvidia"));
    Files.writeString(temporary.resolve("the libs/wheels.txt"), "nvidia-cublas==1.0\n");
    StringBuilder said = new StringBuilder();
    assertThat(fetch(said)).isEqualTo(1);
    assertThat(said.toString()).contains("holds other versions", "remove it");
    assertThat(temporary.resolve("calls.txt")).doesNotExist();
  }
}
