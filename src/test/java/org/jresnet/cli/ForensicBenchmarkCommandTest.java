package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code forensic-benchmark} refuses before it draws anything. */
final class ForensicBenchmarkCommandTest {
  @TempDir Path folder;

  @Test
  void aFolderThatHoldsSomethingIsRefusedAndUntouched() throws IOException {
    Path mine = Files.writeString(folder.resolve("mine.txt"), "x");
    refused(1, "is not empty, and nothing is replaced", "--out", folder);
    refused(1, "is a file; name a folder", "--out", mine);
    refused(2, "Missing required option", "--quick");
    assertThat(folder.toFile().list()).containsExactly("mine.txt");
  }

  private static void refused(int code, String reason, Object... more) {
    Object[] arguments = new Object[1 + more.length];
    arguments[0] = "forensic-benchmark";
    System.arraycopy(more, 0, arguments, 1, more.length);
    Cli.Result result = Cli.jresnet(arguments);
    assertThat(result.code()).as(result.err()).isEqualTo(code);
    assertThat(result.err()).contains(reason);
  }
}
