package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.jresnet.cli.Cli.Result;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jresnet export} on the run in {@code fixtures/run}, two epochs of a ResNet-18. */
final class ExportCommandTest {
  @TempDir private Path folder;
  private Path run;
  private Path target;

  @BeforeEach
  void copy() throws IOException, URISyntaxException {
    Path fixture =
        Path.of(ExportCommandTest.class.getResource("/fixtures/run/run.json").toURI()).getParent();
    run = Files.createDirectory(folder.resolve("run"));
    try (Stream<Path> files = Files.list(fixture)) {
      for (Path file : files.toList()) {
        Files.copy(file, run.resolve(file.getFileName().toString()));
      }
    }
    target = folder.resolve("detector.onnx");
  }

  @Test
  void writesAFinishedRun() throws IOException {
    Result result = jresnet("export", run.toString(), target.toString(), "--json");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out())
        .contains("\"network\":\"resnet18\"", "\"opset\":13", "\"precision\":\"fp32\"")
        .contains("\"bytes\":" + Files.size(target));
    Result again = jresnet("export", run.toString(), target.toString());
    assertThat(again.code()).isEqualTo(1);
    assertThat(again.err()).contains("exists; use --overwrite");
  }

  @Test
  void anUnfinishedRunIsRefused() throws IOException {
    Path record = run.resolve("run.json");
    String three = Files.readString(record).replaceAll("\"epochs\"\\s*:\\s*2\\b", "\"epochs\":3");
    Files.writeString(record, three);
    for (Path model : new Path[] {run, run.resolve("best.safetensors")}) {
      Result result = jresnet("export", model.toString(), target.toString());
      assertThat(result.code()).isEqualTo(1);
      assertThat(result.err())
          .contains("is unfinished: 2 of 3 epochs are done", "train --resume --out " + run)
          .contains("jresnet convert");
      assertThat(target).doesNotExist();
    }
    Files.delete(run.resolve("last.ckpt"));
    Files.delete(run.resolve("best.safetensors"));
    assertThat(jresnet("export", run.toString(), target.toString()).err())
        .contains("is unfinished: no epoch has ended");
    try (Stream<Path> left = Files.list(folder)) {
      assertThat(left).containsExactly(run);
    }
  }

  @Test
  void wrongOptionsAreNamed() {
    for (String[] wrong :
        new String[][] {
          {"--precision=bf16", "fp32, fp16 or int8"},
          {"--opset=12", "12"},
          {"--batch=none", "dynamic"},
          {"--batch=0", "dynamic"}
        }) {
      Result result = jresnet("export", run.toString(), target.toString(), wrong[0]);
      assertThat(result.code()).as(wrong[0]).isEqualTo(2);
      assertThat(result.err()).contains(wrong[1]);
    }
    assertThat(jresnet("export", run.toString(), folder.resolve("x.pb").toString()).err())
        .contains("must end in .onnx");
    assertThat(target).doesNotExist();
  }

  @Test
  void comesBackByConvert() {
    assertThat(jresnet("export", run.toString(), target.toString(), "--keep-norms").code())
        .isZero();
    Path back = folder.resolve("back.safetensors");
    Result converted =
        jresnet("convert", target.toString(), back.toString(), "--classes", "real,fake");
    assertThat(converted.code()).as(converted.err()).isZero();
    StateDict dict = WeightFiles.read(back);
    assertThat(ModelInfo.of(dict.metadata()).orElseThrow().classes())
        .containsExactly("real", "fake");
    Map<String, HostTensor> original = WeightFiles.read(run.resolve("best.safetensors")).tensors();
    assertThat(dict.tensors().get("layer4.1.bn2.running_var"))
        .isEqualTo(original.get("layer4.1.bn2.running_var"));
    assertThat(
            jresnet("convert", target.toString(), back.toString(), "--overwrite", "--classes=x")
                .err())
        .contains("the file has 2 classes, --classes names 1");
    assertThat(jresnet("predict", target.toString(), "x.jpg").err())
        .contains("is an ONNX file; take its weights out first: jresnet convert");
  }
}
