package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.base.UserError;
import org.jresnet.data.Preprocess;
import org.jresnet.engine.Backends;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Weights that no network can compute with are refused by name, at load and at the logits. */
class ParameterCheckTest {
  private static final Graph GRAPH = Architecture.of("resnet18").graph(2, 8);

  private static Model model() {
    Model model = new Model(GRAPH, new ReferenceBackend(), Precision.FP64);
    model.initialize(1, Model.BlockEnd.ONE);
    return model;
  }

  private static StateDict with(StateDict weights, String name, HostTensor tensor) {
    Map<String, HostTensor> tensors = new LinkedHashMap<>(weights.tensors());
    tensors.put(name, tensor);
    return new StateDict(tensors, Map.of());
  }

  private static HostTensor changed(HostTensor tensor, int index, float value) {
    float[] values = tensor.toFloats();
    values[index] = value;
    return HostTensor.ofFloats(tensor.shape(), values);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "layer1.0.conv1.weight|575|NaN|layer1.0.conv1.weight (filter of a convolution) is NaN at [7, 7, 2, 2], expected a finite number",
        "layer4.1.conv2.weight|30000|Infinity|is Infinity at [52, 5, 1, 0]",
        "fc.weight|0|-Infinity|fc.weight (matrix of a linear layer) is -Infinity at [0, 0]",
        "bn1.running_mean|1|NaN|bn1.running_mean (running mean of a batch norm) is NaN at [1]",
        "bn1.running_var|2|-5|bn1.running_var (running variance of a batch norm) is -5.0 at [2], expected a finite variance of at least 0",
        "bn1.running_var|2|NaN|expected a finite variance",
        "bn1.running_var|2|Infinity|expected a finite variance",
      })
  void refusesValuesThatAreNoNumbers(String name, int index, float value, String message) {
    try (Model model = model()) {
      StateDict sound = ModelFiles.stateDict(model, Map.of());
      StateDict broken = with(sound, name, changed(sound.tensors().get(name), index, value));
      assertThat(ModelFiles.load(model, sound, "w.pth")).isEmpty();
      assertThatThrownBy(() -> ModelFiles.load(model, broken, "w.pth"))
          .isInstanceOf(UserError.class)
          .hasMessageStartingWith("w.pth: ")
          .hasMessageContaining(message);
      assertThatThrownBy(
              () -> ModelFiles.requireSound(Architecture.of("resnet18"), broken, "w.pth"))
          .isInstanceOf(UserError.class)
          .hasMessageContaining(message);
    }
  }

  @Test
  void acceptsTheLargestAndTheSmallestNumbers() {
    try (Model model = model()) {
      StateDict weights = ModelFiles.stateDict(model, Map.of());
      for (float value : new float[] {Float.MAX_VALUE, -Float.MAX_VALUE, Float.MIN_VALUE, -0f}) {
        weights = with(weights, "fc.bias", changed(weights.tensors().get("fc.bias"), 1, value));
        assertThat(ModelFiles.load(model, weights, "w.pth")).isEmpty();
        assertThat(model.get("fc.bias")[1]).isEqualTo(value);
      }
      weights =
          with(
              weights,
              "bn1.running_var",
              changed(weights.tensors().get("bn1.running_var"), 1, -0f));
      assertThat(ModelFiles.load(model, weights, "w.pth")).isEmpty();
    }
  }

  @Test
  void refusesIntegersAndNegativeCounts() {
    try (Model model = model()) {
      StateDict weights = ModelFiles.stateDict(model, Map.of());
      HostTensor bias = new HostTensor(DType.I32, List.of(2L), ByteBuffer.allocate(8));
      assertThatThrownBy(
              () -> ModelFiles.load(model, with(weights, "fc.bias", bias), "w.safetensors"))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("fc.bias (offset of a linear layer) is of type I32, expected");
      HostTensor count = HostTensor.ofLongs(List.of(), -5);
      assertThatThrownBy(
              () ->
                  ModelFiles.load(
                      model, with(weights, "bn1.num_batches_tracked", count), "w.safetensors"))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("bn1.num_batches_tracked (count of batches of a batch norm) is -5");
    }
  }

  /**
   * Finite weights that overflow, in single precision on the way or when logits are read. On the
   * CPU only at the end: oneDNN's ReLU turns NaN into 0.
   */
  @ParameterizedTest
  @CsvSource({
    "reference, fc.weight, fc",
    "cpu, fc.weight, fc",
    "reference, layer4.1.bn2.weight, layer4.1.",
  })
  void namesTheNodeWhoseOutputOverflows(String backend, String parameter, String node) {
    Precision precision = backend.equals("cpu") ? Precision.FP32 : Precision.FP64;
    ModelInfo info =
        ModelFiles.info(
            Architecture.of("resnet18"),
            8,
            List.of("a", "b"),
            new Preprocess(32, Preprocess.Mode.STRETCH));
    try (Backend open = Backends.open(backend);
        Model model = new Model(GRAPH, open, precision)) {
      model.initialize(1, Model.BlockEnd.ONE);
      float[] values = model.get(parameter);
      Arrays.fill(values, Float.MAX_VALUE);
      model.set(parameter, values);
      // With a variance of 0 the norm multiplies by 1/sqrt(1e-5), too.
      String variance = parameter.replace(".weight", ".running_var");
      if (!variance.startsWith("fc")) {
        model.set(variance, new float[values.length]);
      }
      try (Executable executable = Executable.compile(model, ModelFiles.inference(info, 1, 32))) {
        byte[] pixels = new byte[32 * 32 * 3];
        new java.util.Random(1).nextBytes(pixels);
        assertThatThrownBy(() -> Logits.of(executable, pixels))
            .isInstanceOf(UserError.class)
            .hasMessageContaining("instead of a number")
            .hasMessageContaining("not finite are the output of " + node);
      }
    }
  }

  @Test
  void identifiesNetworksByNamesAndShapes() {
    try (Model model = model()) {
      StateDict weights = ModelFiles.stateDict(model, Map.of());
      assertThat(KnownNetworks.identify(weights))
          .isEqualTo(Optional.of(Architecture.of("resnet18")));
      StateDict more = with(weights, "extra", HostTensor.ofLongs(List.of(), 1));
      assertThat(KnownNetworks.identify(more)).isEmpty();
    }
  }
}
