package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.inspect.lab.Experiment;
import org.jresnet.inspect.lab.Experiments;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
final class LabCommandTest {
  @TempDir private Path folder;

  @Test
  void listsExperimentsWithTheirPapers() {
    Cli.Result result = Cli.jresnet("lab", "--list");
    assertThat(result.code()).isZero();
    for (Experiment experiment : Experiments.all()) {
      assertThat(result.out()).contains(experiment.id(), experiment.summary(), experiment.paper());
    }
  }

  private static void refused(int code, String reason, Object... arguments) {
    Cli.Result result = Cli.jresnet(arguments);
    assertThat(result.code()).as(result.err()).isEqualTo(code);
    assertThat(result.err()).contains(reason);
  }

  @Test
  void looksAtTheValidationImagesOfARun() throws IOException {
    Path faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(12, 32, 5), done -> {});
    Path run = folder.resolve("run");
    Cli.Result trained =
        Cli.jresnet(
            "train",
            faces,
            "--out",
            run,
            "--model=resnet18",
            "--width=4",
            "--size=32",
            "--epochs=1",
            "--batch=4",
            "--precision=fp32");
    assertThat(trained.code()).as(trained.err()).isZero();
    Path out = folder.resolve("lab");
    Cli.Result done =
        Cli.jresnet("lab", run, "--out", out, "--experiment=rerouting,similarity", "--json");
    assertThat(done.code()).as(done.err()).isZero();
    assertThat(done.out()).contains("\"network\":\"resnet18\"", "\"similarity\":\"Neigh");
    assertThat(out.toFile().list())
        .containsExactlyInAnyOrder(
            "lab.json",
            "rerouting.csv",
            "rerouting.json",
            "rerouting.png",
            "similarity.csv",
            "similarity.json",
            "similarity.png");
    assertThat(Files.readString(out.resolve("lab.json")))
        .contains("jresnet lab", "\"time\"", "fp32");
    refused(1, "holds the results of a lab", "lab", run, "--out", out);
    refused(
        2, "unknown experiment 'rerooting'", "lab", run, "--out", out, "--experiment=rerooting");
    refused(
        2,
        "belongs to no run",
        "lab",
        Files.copy(run.resolve("best.safetensors"), folder.resolve("alone.safetensors")),
        "--out",
        folder.resolve("other"));
  }

  @Test
  void needsAModelAndAFolder() {
    refused(2, "name the model and a folder", "lab");
    refused(2, "name the model and a folder", "lab", folder);
  }
}
