package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.jresnet.cli.Cli.Result;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code profile} measures on a network. */
final class ProfileCommandTest {
  @TempDir private static Path folder;

  @Test
  void aProfileIsATableAndADrawing() throws IOException {
    Path png = folder.resolve("roofline.png");
    Path calls = folder.resolve("calls.csv");
    Result profile =
        jresnet(
            "profile",
            "--model",
            "resnet18",
            "--size",
            32,
            "--batch",
            2,
            "--steps",
            2,
            "--csv",
            calls,
            "--png",
            png,
            "--precision",
            "fp32");
    assertThat(profile.code()).as(profile.err()).isZero();
    assertThat(profile.out()).contains("backward weights").contains("images/s");
    List<String> lines = Files.readAllLines(calls);
    assertThat(lines.get(0)).startsWith("node,operation,implementation,ms,flops,bytes");
    assertThat(lines).anyMatch(l -> l.startsWith("layer4.1.conv2,backward data,"));
    assertThat(lines).anyMatch(l -> l.startsWith("optimizer,update,java,"));
    assertThat(ImageIO.read(png.toFile()).getWidth()).isGreaterThan(400);
  }
}
