package org.jresnet.nativebindings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jresnet.base.CacheFolder;
import org.jresnet.base.UserError;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Native libraries come out of no folder that another user can write. */
final class NativeCacheTest {
  private static final int SOMEBODY = 12345;

  @TempDir Path temporary;
  private Path caches;
  private Path folder;

  @BeforeEach
  void name() {
    caches = temporary.resolve("a b").resolve("cäche");
    folder = caches.resolve("jresnet").resolve("natives");
  }

  @Test
  void isPrivateAndStaysTheSame() throws IOException {
    assertThat(NativeCache.choose(caches, temporary)).isEqualTo(folder);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)))
        .isEqualTo("rwx------");
    Files.writeString(folder.resolve("library.so"), "code");
    assertThat(NativeCache.choose(caches, temporary)).isEqualTo(folder);
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(folder.resolve("library.so"));
    }
  }

  @Test
  void refusesALink() throws IOException {
    Path elsewhere = Files.createDirectory(temporary.resolve("elsewhere"));
    Files.createDirectories(folder.getParent());
    Files.createSymbolicLink(folder, elsewhere);
    assertThatThrownBy(() -> NativeCache.choose(caches, temporary))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(folder + ": it is a link")
        .hasMessageContaining("XDG_CACHE_HOME");
    Files.delete(folder);
    Files.delete(folder.getParent());
    Files.createSymbolicLink(folder.getParent(), elsewhere);
    assertThatThrownBy(() -> NativeCache.choose(caches, temporary))
        .hasMessageContaining(folder.getParent() + ": it is a link");
    assertThat(elsewhere).isEmptyDirectory();
  }

  @Test
  void refusesWhatAnotherUserPlanted() throws IOException {
    Files.createDirectories(folder);
    Path planted = folder.getParent();
    try {
      Files.setAttribute(planted, "unix:uid", SOMEBODY);
    } catch (IOException e) {
      assumeTrue(false, "only root can give a folder away: " + e);
    }
    assertThatThrownBy(() -> NativeCache.choose(caches, temporary))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(planted + ": it belongs to user " + SOMEBODY);
  }

  @Test
  void refusesWhatOthersCanWrite() throws IOException {
    Files.createDirectories(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxr-x"));
    assertThatThrownBy(() -> NativeCache.choose(caches, temporary))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("others may write there (rwxrwxr-x)");
  }

  @Test
  void takesAFreshFolderWhereNoneCanBeKept() throws IOException {
    Path file = Files.writeString(temporary.resolve("file"), "");
    Path first = NativeCache.choose(file.resolve("cache"), temporary);
    Path second = NativeCache.choose(Path.of("/proc/nowhere"), temporary);
    assertThat(first).isNotEqualTo(second).hasParent(temporary);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(first)))
        .isEqualTo("rwx------");
    assertThatThrownBy(() -> NativeCache.choose(file, file))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("set XDG_CACHE_HOME to a folder of your own");
  }

  /** Loads oneDNN in a process of its own and prints its version. */
  public static void main(String[] arguments) {
    NativeCache.prepare();
    System.out.println(OneDnn.version());
  }

  private Process start(String cacheHome) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            // Newer Java warns of native access that nobody allowed.
            "--enable-native-access=ALL-UNNAMED",
            "-Djava.io.tmpdir=" + temporary,
            "-cp",
            System.getProperty("java.class.path"),
            NativeCacheTest.class.getName());
    builder.environment().put("XDG_CACHE_HOME", cacheHome);
    return builder.redirectErrorStream(true).start();
  }

  private static String output(Process process) throws IOException, InterruptedException {
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(text).isZero();
    return text;
  }

  @Test
  void firstStartsAtTheSameTimeAllLoad() throws IOException, InterruptedException {
    List<Process> starts = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      starts.add(start(caches.toString()));
    }
    for (Process p : starts) {
      assertThat(output(p)).matches("\\d+\\.\\d+\\.\\d+\n");
    }
    try (var files = Files.walk(folder)) {
      assertThat(files).anyMatch(f -> f.endsWith("libjnidnnl.so"));
    }
  }

  @Test
  void whatCannotBeKeptIsRemovedAtExit() throws IOException, InterruptedException {
    assertThat(output(start("/proc/nowhere")))
        .contains("for this start only")
        .containsPattern("\\n\\d+\\.\\d+\\.\\d+\n$");
    try (var files = Files.list(temporary)) {
      assertThat(files).noneMatch(f -> f.getFileName().toString().contains("natives"));
    }
  }

  @Test
  void cachesLieBelowAbsolutePathsOnly() {
    assertThat(CacheFolder.of(Map.of("XDG_CACHE_HOME", "/x", "HOME", "/h"))).hasToString("/x");
    assertThat(CacheFolder.of(Map.of("XDG_CACHE_HOME", "x", "HOME", "/h")))
        .hasToString("/h/.cache");
    assertThat(CacheFolder.of(Map.of("XDG_CACHE_HOME", "", "HOME", "/h"))).hasToString("/h/.cache");
    assertThat(CacheFolder.of(Map.of()).isAbsolute()).isTrue();
  }
}
