package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.NetworkCheck;
import org.jresnet.check.OpCase;
import org.jresnet.check.StepTensors;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Model;
import org.jresnet.graph.DType;
import org.jresnet.models.Architecture;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jresnet check} as a user meets it. */
final class CheckCommandTest {
  private static final Architecture NETWORK = Architecture.of("resnet18");
  // With two images the last batch norms have two values a channel, and their gradients cancel.
  private static final int BATCH = 4;
  private static final int SIZE = 32;
  private static final String[] SMALL = {
    "check", "--model", "resnet18", "--width", "8", "--size", "32", "--backend", "cpu"
  };

  private static Cli.Result check(Object... more) {
    Object[] all = new Object[SMALL.length + more.length];
    System.arraycopy(SMALL, 0, all, 0, SMALL.length);
    System.arraycopy(more, 0, all, SMALL.length, more.length);
    return jresnet(all);
  }

  /** What a failing contract test says can be run as it is. */
  @Test
  void theLineThatRepeatsACaseRepeatsIt() {
    String line = OpCase.Kind.POOLS.command(3, "cpu", Precision.FP32);
    assertThat(line).startsWith("jresnet ");
    Cli.Result result = jresnet((Object[]) line.substring("jresnet ".length()).split(" "));
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out()).contains("pools 3: ", "ok   y: error ", "0 of 1 case off");
  }

  @Test
  void aWholeNetworkIsCompared() {
    Cli.Result result = check("--precision", "fp32");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out()).contains("The largest difference beside its bound, of 188 tensors:");
  }

  @Test
  void bisectNamesTheFirstTensorThatIsOffAndExitsWith1() {
    assertThat(check("--precision", "fp32", "--bisect").code()).isZero();
    // No two orders of additions round the same everywhere.
    Cli.Result result = check("--precision", "fp32", "--bisect", "--bound", "0");
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.out())
        .contains("The first tensor that is off, of 188 compared:")
        .containsPattern("OFF  output of conv1: error .* worst element \\[\\d, \\d+, \\d+, \\d\\]");
  }

  @Test
  void aFileOfTapsIsTrusted(@TempDir Path folder) {
    Path honest = folder.resolve("honest.safetensors");
    Path wrong = folder.resolve("wrong.safetensors");
    Map<String, HostTensor> tensors = taps();
    Map<String, String> facts = Map.of("model", "resnet18", "classes", "5");
    WeightFiles.write(honest, new StateDict(tensors, facts));
    float[] values = tensors.get("gradient/layer2.0.conv2").toFloats();
    values[1] += 1;
    tensors.put(
        "gradient/layer2.0.conv2", HostTensor.ofFloats(List.of((long) values.length), values));
    WeightFiles.write(wrong, new StateDict(tensors, facts));
    Object[] against = {"--precision", "fp32", "--bisect", "--seed", "3", "--against"};
    assertThat(check(with(against, honest)).code()).isZero();
    Cli.Result result = check(with(against, wrong));
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.out())
        .contains("OFF  gradient of the output of layer2.0.conv2")
        .contains("worst element [0, 0, 0, 1]");
  }

  private static Object[] with(Object[] first, Object last) {
    Object[] all = java.util.Arrays.copyOf(first, first.length + 1);
    all[first.length] = last;
    return all;
  }

  private static Map<String, HostTensor> taps() {
    byte[] pixels = new byte[BATCH * SIZE * SIZE * 3];
    new Random(5).nextBytes(pixels);
    CompileOptions options =
        CompileOptions.of(
            Pass.TRAINING,
            new CompileOptions.Images(BATCH, SIZE, SIZE, ModelFiles.normalization(NETWORK)));
    StepTensors recording;
    try (Backend reference = new ReferenceBackend();
        Model model = new Model(NETWORK.graph(5, 8), reference, Precision.FP64)) {
      model.initialize(3, Model.BlockEnd.ONE);
      recording =
          new NetworkCheck(model, new NetworkCheck.Work(options, pixels, new int[] {1, 4, 0, 2}))
              .record();
    }
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    tensors.put(
        "pixels",
        new HostTensor(
            DType.U8,
            List.of((long) BATCH, (long) SIZE, (long) SIZE, 3L),
            ByteBuffer.wrap(pixels)));
    tensors.put("labels", HostTensor.ofLongs(List.of(4L), 1, 4, 0, 2));
    put(tensors, "output/", recording.outputs());
    put(tensors, "gradient/", recording.gradients());
    put(tensors, "parameter/", recording.parameterGradients());
    put(tensors, "statistic/", recording.statistics());
    return tensors;
  }

  private static void put(
      Map<String, HostTensor> tensors, String prefix, Map<String, float[]> values) {
    assertThat(values).isNotEmpty();
    values.forEach(
        (name, v) -> tensors.put(prefix + name, HostTensor.ofFloats(List.of((long) v.length), v)));
  }

  @Test
  void wrongUseIsExplained() {
    assertThat(jresnet("check").err()).contains("--op or --model");
    assertThat(jresnet("check", "--op", "nonsense").err()).contains("folded-conv");
    assertThat(jresnet("check", "--op", "pools", "--case", 99999).err()).contains("at most");
    Cli.Result result = check("--precision", "fp32", "--against", "nowhere.safetensors");
    assertThat(result.code()).isEqualTo(2);
    assertThat(result.err()).contains("nowhere.safetensors");
    Cli.Result int8 = check("--precision", "int8", "--work", "infer");
    assertThat(int8.code()).isNotZero();
  }
}
