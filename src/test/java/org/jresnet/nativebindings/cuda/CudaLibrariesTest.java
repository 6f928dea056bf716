package org.jresnet.nativebindings.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaLibrariesTest {
  private static final Map<String, String> NOWHERE = Map.of("HOME", "/nonexistent");

  @TempDir Path folder;

  private void install(Path into, String content, String... but) throws IOException {
    Files.createDirectories(into);
    for (String name : CudaLibraries.find(Optional.of("/nonexistent"), NOWHERE).names()) {
      if (!List.of(but).contains(name)) {
        Files.writeString(into.resolve(name), content);
      }
    }
  }

  private CudaLibraries find(Path... folders) {
    return CudaLibraries.find(
        Optional.of(String.join(":", List.of(folders).stream().map(Path::toString).toList())),
        NOWHERE);
  }

  @Test
  void findsAllInOneFolder() throws IOException {
    install(folder, "x");
    CudaLibraries found = find(folder);
    assertThat(found.problem()).isEmpty();
    assertThat(found.found().get("libcudnn_ops.so.9"))
        .contains(folder.resolve("libcudnn_ops.so.9"));
  }

  @Test
  void findsWheelsBelowSitePackages() throws IOException {
    install(folder.resolve("nvidia/cudnn/lib"), "x");
    install(folder.resolve("nvidia/cu13/lib"), "x");
    assertThat(find(folder).problem()).isEmpty();
  }

  /** One GPU alone does without. */
  @Test
  void ncclMayBeMissing() throws IOException {
    install(folder, "x");
    assertThat(find(folder).problem()).isEmpty();
    assertThat(find(folder).further(CudaLibraries.NCCL)).isEmpty();
    assertThatThrownBy(() -> find(folder).loadNccl())
        .isInstanceOf(UserError.class)
        .hasMessageContaining("NCCL (libnccl.so.2)")
        .hasMessageContaining(folder.toString());
    Path wheel = folder.resolve("nvidia/nccl/lib");
    Files.createDirectories(wheel);
    Files.writeString(wheel.resolve(CudaLibraries.NCCL), "x");
    assertThat(find(folder).further(CudaLibraries.NCCL))
        .contains(wheel.resolve(CudaLibraries.NCCL));
  }

  @Test
  void namesWhatIsMissing() throws IOException {
    install(folder, "x", "libcudnn_ops.so.9", "libnvrtc.so.13");
    assertThat(find(folder).problem().orElseThrow())
        .contains("libcudnn_ops.so.9", "libnvrtc.so.13", "pip install", "--cuda-libs")
        .doesNotContain("libcudart");
  }

  @Test
  void takesCudnnFromOneFolderAlone() throws IOException {
    Path other = folder.resolve("other");
    install(folder.resolve("one"), "x", "libcudnn_ops.so.9");
    install(other, "x");
    assertThat(find(folder.resolve("one"), other).problem().orElseThrow())
        .contains("missing: libcudnn_ops.so.9");
  }

  @Test
  void refusesTwoVersionsOfCudnn() throws IOException {
    install(folder.resolve("one"), "x");
    install(folder.resolve("two"), "another version");
    assertThat(find(folder.resolve("one"), folder.resolve("two")).problem().orElseThrow())
        .contains("two versions of cuDNN", "one", "two", "--cuda-libs");
  }

  @Test
  void searchesTheEnvironmentInOrder() throws IOException {
    install(folder.resolve("path"), "x");
    install(folder.resolve("home/lib64"), "x");
    CudaLibraries found =
        CudaLibraries.find(
            Optional.empty(),
            Map.of(
                "HOME", "/nonexistent",
                "LD_LIBRARY_PATH", folder.resolve("path").toString(),
                "CUDA_HOME", folder.resolve("home").toString()));
    assertThat(found.found().get("libcudart.so.13"))
        .contains(folder.resolve("path/libcudart.so.13"));
    assertThat(found.searched()).contains(folder.resolve("home/lib64"));
  }

  @Test
  void findsWheelsOfAVirtualEnvironment() throws IOException {
    install(folder.resolve("lib/python3.12/site-packages/nvidia/cudnn/lib"), "x");
    install(folder.resolve("lib/python3.12/site-packages/nvidia/cu13/lib"), "x");
    CudaLibraries found =
        CudaLibraries.find(
            Optional.empty(), Map.of("HOME", "/nonexistent", "VIRTUAL_ENV", folder.toString()));
    assertThat(found.found().get("libcublasLt.so.13")).isPresent();
  }

  /** A stand-in for python3, in an environment that nothing names but PATH. */
  private void installPython(String... lines) throws IOException {
    Path python = folder.resolve("bin/python3");
    Files.createDirectories(python.getParent());
    Files.writeString(python, "#!/bin/sh\n" + String.join("\n", lines) + "\n");
    assertThat(python.toFile().setExecutable(true)).isTrue();
  }

  private CudaLibraries findWithPython() {
    return CudaLibraries.find(
        Optional.empty(),
        Map.of(
            "HOME",
            "/nonexistent",
            "LD_LIBRARY_PATH",
            folder.resolve("driver").toString(),
            "PATH",
            "/nonexistent:" + folder.resolve("bin")));
  }

  @Test
  void asksPythonForItsPackages() throws IOException {
    Path packages = folder.resolve("env/lib/python3.12/site-packages");
    install(packages.resolve("nvidia/cudnn/lib"), "x", CudaLibraries.DRIVER);
    install(packages.resolve("nvidia/cu13/lib"), "x", CudaLibraries.DRIVER);
    Files.createDirectories(folder.resolve("driver"));
    Files.writeString(folder.resolve("driver").resolve(CudaLibraries.DRIVER), "x");
    installPython("echo", "echo '/nonexistent/dist-packages'", "echo '" + packages + "'");
    CudaLibraries found = findWithPython();
    assertThat(found.problem()).isEmpty();
    assertThat(found.found().get("libcudnn.so.9"))
        .contains(packages.resolve("nvidia/cudnn/lib/libcudnn.so.9"));
  }

  @Test
  void pythonIsNotAskedWithoutADriver() throws IOException {
    Path asked = folder.resolve("asked");
    installPython("touch '" + asked + "'");
    assumeThat(findWithPython().missing()).as("no driver here").contains(CudaLibraries.DRIVER);
    assertThat(asked).doesNotExist();
  }

  @Test
  void aPythonThatFailsIsNoReasonToStop() throws IOException {
    Files.createDirectories(folder.resolve("driver"));
    Files.writeString(folder.resolve("driver").resolve(CudaLibraries.DRIVER), "x");
    installPython("echo broken >&2", "exit 1");
    assumeThat(findWithPython().missing()).as("no CUDA here").isNotEmpty();
    assertThat(findWithPython().problem().orElseThrow()).contains("missing: ");
  }

  @Test
  void doesNotLoadWhatIsNotThere() {
    assertThatThrownBy(() -> find(folder).load())
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("libcudart.so.13");
  }

  @Test
  void aFileThatIsNoLibraryIsSaidSo() throws IOException {
    install(folder, "not a library");
    assertThatThrownBy(() -> find(folder).load()).isInstanceOf(UnsatisfiedLinkError.class);
  }
}
