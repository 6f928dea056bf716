package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import java.io.IOException;
import java.nio.file.Path;
import org.jresnet.cli.Cli.Result;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.Test;

/** {@code convert} between formats of weights. */
final class ConvertCommandTest extends SmallRun {
  @Test
  void conversionKeepsEveryBit() throws IOException {
    Path pth = folder.resolve("a.pth");
    Path back = folder.resolve("b.safetensors");
    assertThat(jresnet("convert", run, pth).code()).isZero();
    assertThat(jresnet("convert", pth, back).code()).isZero();
    var original = WeightFiles.read(run.resolve("best.safetensors")).tensors();
    var returned = WeightFiles.read(back).tensors();
    assertThat(returned.keySet()).isEqualTo(original.keySet());
    returned.forEach(
        (name, tensor) -> assertThat(tensor.data()).as(name).isEqualTo(original.get(name).data()));
    Result again = jresnet("convert", run, pth);
    assertThat(again.code()).isEqualTo(1);
    assertThat(again.err()).contains("--overwrite");
  }
}
