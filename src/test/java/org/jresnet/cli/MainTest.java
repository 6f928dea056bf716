package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import java.util.List;
import org.jresnet.cli.Cli.Result;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What every command line is held to: usage, help and exit codes. */
final class MainTest extends SmallRun {
  @Test
  void versionAndHelp() {
    assertThat(jresnet("--version").out()).startsWith("jresnet ");
    for (String command :
        List.of("demo", "train", "evaluate", "predict", "summary", "convert", "doctor")) {
      Result help = jresnet(command, "--help");
      assertThat(help.code()).isZero();
      assertThat(help.out()).contains("Usage: jresnet " + command);
    }
    assertThat(jresnet("train", "--help").out()).contains("Default: 1e-3");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "train",
        "predict",
        "nonsense",
        "nonsense --help",
        "--help nonsense",
        "--nonsense --help",
        "summary --unknown",
        "summary --unknown --help",
        "summary --help --unknown 3",
        "train --bach 3 x --out y",
        "train x --out y --batch 1 --batch 2",
        "train x --out y --epochs many"
      })
  void wrongUsageIsTwo(String line) {
    Result result = jresnet((Object[]) line.split(" "));
    assertThat(result.code()).as(result.err()).isEqualTo(2);
    assertThat(result.err()).startsWith("jresnet: ").contains("--help lists the").hasLineCount(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "train {}/faces --out {}/o4 --model resnet51 | unknown model 'resnet51'",
        "train {}/faces --out {}/o5 --backend opencl | unknown backend 'opencl'",
        "train {}/faces --out {}/o6 --precision fp8 | unknown precision 'fp8'",
        "train {}/faces --out {}/o8 --batch 0 | between 1 and 65536",
        "train {}/faces --out {}/o9 --size 0 | between 1 and 16384",
        "train {}/faces --out {}/o11 --lr -1 | lr must be",
        "train {}/faces --out {}/o12 --optimizer lion | unknown optimizer 'lion'; known: adam,"
            + " adamw, sgd",
        "train {}/faces --out {}/o13 --schedule zigzag | unknown schedule 'zigzag'; known:"
            + " constant, step, cosine",
        "train {}/faces --out {}/o15 --split 0.5,0.1,0.1 | add up to 1",
        "train {}/faces --out {}/o16 --preset best | unknown preset",
        "train {}/faces --out {}/o19 --flip 2 | between 0 and 1",
        "demo --out {}/d1 --images 21 | even number"
      })
  void impossibleOptionsAreTwoAndSayWhy(String line, String reason) {
    refused(2, line, reason);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "train {}/nowhere --out {}/o1 | does not exist",
        "train {}/faces/camera --out {}/o2 | expected one folder per class",
        "train {}/faces/camera/00000.jpg --out {}/o3 | is a file",
        "train {}/faces --out {}/faces/README.md | cannot be made",
        "train {}/faces --out {}/o7 --precision fp64 | no double precision",
        "train {}/faces --out {}/o10 --freeze layer9.* | matches no parameter",
        "train {}/faces --out {}/o14 --weights {}/none.pth | none.pth",
        "train --out {}/o17 --resume | nothing to resume",
        "train {}/faces --out {}/o18 --class-weights 1,2,3 | class weights",
        "predict {}/faces {}/faces | without best.safetensors",
        "predict {}/none.pth {}/faces | does not exist",
        "predict {}/run {}/nothing.jpg | does not exist",
        "evaluate {}/run {}/run | one folder per class",
        "evaluate {}/run {}/faces --model resnet50 | holds a resnet18",
        "convert {}/faces/README.md {}/x.pth | is no weight file",
        "convert {}/run {}/x.onnx | extension",
        "demo --out {}/d2 --size 33 | multiple of 4"
      })
  void badInputIsOneAndSaysWhy(String line, String reason) {
    refused(1, line, reason);
  }
}
