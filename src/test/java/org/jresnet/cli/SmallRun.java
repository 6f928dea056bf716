package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** A test on drawn faces and a narrow network that was trained on them by the command line. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class SmallRun {
  static final ObjectMapper JSON = new ObjectMapper();

  Path folder;
  Path faces;
  Path run;

  @BeforeAll
  final void trainOnce(@TempDir Path shared) {
    folder = shared;
    faces = folder.resolve("faces");
    run = folder.resolve("run");
    DrawnFaces.write(faces, new DrawnFaces.Options(20, 32, 1), done -> {});
    Result result = train(faces, "--out", run, "--epochs", 2, "--json");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out().lines()).hasSize(1);
  }

  /** Trains a narrow network on small images. */
  static Result train(Object... more) {
    Stream<Object> small =
        Stream.of(
            "train", "--model=resnet18", "--width=8", "--size=32", "--batch=8", "--precision=fp32");
    return jresnet(Stream.concat(small, Stream.of(more)).toArray());
  }

  /** The first image of class camera that a run has in that part. */
  static String first(Path run, String part) throws IOException {
    return Files.readAllLines(run.resolve("split.csv")).stream()
        .filter(l -> l.endsWith(",camera," + part))
        .findFirst()
        .orElseThrow()
        .split(",")[0];
  }

  /** Runs a line in which {} is the folder, and expects that it is refused. */
  final void refused(int code, String line, String reason) {
    Result result = jresnet((Object[]) line.strip().replace("{}", folder.toString()).split(" "));
    assertThat(result.code()).as(result.err()).isEqualTo(code);
    assertThat(result.err()).contains(reason).doesNotContain("\tat org.jresnet");
  }
}
