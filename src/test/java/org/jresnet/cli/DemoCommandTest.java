package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The first command of a stranger, on fewer and smaller faces. */
final class DemoCommandTest {
  @TempDir Path folder;

  /** ShuffleNetV2 adds no branches, so none of them can start as the identity. */
  @Test
  void aNetworkWithoutAdditionsPlaysTheWholeStory() {
    Path out = folder.resolve("demo");
    Cli.Result result =
        Cli.jresnet(
            "demo",
            "--model",
            "shufflenet_v2_x0_5",
            "--images",
            40,
            "--size",
            32,
            "--epochs",
            1,
            "--out",
            out);
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(out.resolve("run/best.safetensors")).exists();
    assertThat(out.resolve("run/evaluations/test.json")).exists();
  }
}
