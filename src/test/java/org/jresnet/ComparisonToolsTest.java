package org.jresnet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/**
 * The comparisons with other programs go on after an interruption, keep to their time, and compute
 * the right ratios. Their scripts bring the tests; nothing but Python is needed.
 */
final class ComparisonToolsTest {
  @Test
  void scriptsPassTheirOwnTests() throws Exception {
    assumeThat(pythonIsNewEnough()).as("python3 of version 3.9 or newer is on the PATH").isTrue();
    Process process =
        new ProcessBuilder("python3", "-B", "tools/compare-pytorch", "--self-test")
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    assertThat(said).containsPattern("Ran [1-9][0-9]* tests").contains("OK");
  }

  private static boolean pythonIsNewEnough() throws InterruptedException {
    try {
      return new ProcessBuilder("python3", "-c", "import sys; sys.exit(sys.version_info < (3, 9))")
              .start()
              .waitFor()
          == 0;
    } catch (IOException e) {
      return false;
    }
  }
}
