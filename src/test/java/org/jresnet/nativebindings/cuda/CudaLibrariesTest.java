package org.jresnet.nativebindings.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
