package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.base.UserError;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Op;
import org.jresnet.weights.WeightFiles.Wanted;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** State dicts inside checkpoints as PyTorch, torchvision and Lightning save them. */
class WrappersTest {
  private static final List<String> NAMES =
      List.of(
          "conv1.weight",
          "bn1.weight",
          "bn1.bias",
          "bn1.running_mean",
          "bn1.running_var",
          "bn1.num_batches_tracked",
          "fc.weight",
          "fc.bias");

  @TempDir private Path folder;

  /** The network of {@code Net} in tools/fixtures_weights.py. */
  private static Graph net() {
    Graph.Builder g = Graph.builder("net", 3);
    int x = g.add("conv1", new Conv2d(3, 2, 3, 1, 1), 0);
    x = g.add("bn1", new Op.BatchNorm(2, 1e-5, 0.1), x);
    x = g.add("avgpool", new Op.GlobalAvgPool(), x);
    g.add("fc", new Op.Linear(2, 2), x);
    return g.build();
  }

  private static Wanted wanted() {
    return new Wanted(List.of(net()), Optional.empty());
  }

  private static StateDict read(String fixture) {
    return WeightFiles.read(Fixtures.file(fixture), wanted());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "imagenet.pth|took the entry 'state_dict' of a checkpoint, left out: epoch, arch, best_acc1, optimizer, scheduler"
            + ";removed the prefix 'module.' from all names",
        "averaged.pth|removed the prefix 'module.' from 8 names, left out the others: n_averaged",
        "lightning.pth|took the entry 'state_dict' of a checkpoint, left out: epoch, global_step,"
            + " pytorch-lightning_version, loops, callbacks, optimizer_states, lr_schedulers"
            + ";removed the prefix 'model.' from 8 names, left out the others: criterion.weight",
        "net.pth|took the entry 'net' of a checkpoint, left out: acc, epoch"
            + ";removed the prefix 'module.' from all names",
        "ema.pth|took the entry 'model' of a checkpoint, left out: optimizer, epoch, model_ema"
            + ";other state dicts in it: model_ema (9 tensors); jresnet convert --entry NAME takes one of them",
      })
  void findsTheNetwork(String fixture, String notes) {
    StateDict dict = read(fixture);
    assertThat(dict.tensors().keySet()).containsExactlyElementsOf(NAMES);
    assertThat(dict.notes()).containsExactly(notes.split(";(?=removed|other)", -1));
  }

  @Test
  void takesTheEntryThatIsAskedFor() {
    Path file = Fixtures.file("ema.pth");
    StateDict averaged =
        WeightFiles.read(file, new Wanted(List.of(net()), Optional.of("model_ema")));
    assertThat(averaged.tensors()).isEqualTo(read("averaged.pth").tensors());
    assertThat(averaged.tensors()).isNotEqualTo(read("ema.pth").tensors());
    Wanted none = new Wanted(List.of(), Optional.of("teacher"));
    assertThatThrownBy(() -> WeightFiles.read(file, none))
        .isInstanceOf(UserError.class)
        .hasMessage(file + " has no state dict called teacher; it has model, model_ema");
  }

  /** Without a network to look for, only what wrappers share is removed. */
  @Test
  void leavesUnknownPrefixes() {
    assertThat(WeightFiles.read(Fixtures.file("lightning.pth")).tensors().keySet())
        .contains("model.conv1.weight", "criterion.weight");
    assertThat(WeightFiles.read(Fixtures.file("averaged.pth")).tensors().keySet())
        .containsExactlyElementsOf(NAMES);
  }

  /** Any prefix, of a network without its classifier, beside a second one, in either format. */
  @ParameterizedTest
  @CsvSource({"w.pth", "w.safetensors"})
  void findsTheNetworkBehindAnyPrefix(String name) {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    tensors.put("queue", HostTensor.ofFloats(List.of(1L), new float[1]));
    for (String prefix : List.of("encoder_q.", "encoder_k.")) {
      read("net.pth")
          .tensors()
          .forEach((n, t) -> tensors.put(prefix + n.replace("fc.", "head."), t));
    }
    Path file = folder.resolve(name);
    WeightFiles.write(file, new StateDict(tensors, Map.of()));
    StateDict dict = WeightFiles.read(file, wanted());
    assertThat(dict.tensors().keySet())
        .containsExactlyElementsOf(NAMES.stream().map(n -> n.replace("fc.", "head.")).toList());
    assertThat(dict.notes())
        .containsExactly(
            "the same network is also there with the prefixes encoder_k.",
            "removed the prefix 'encoder_q.' from 8 names, left out the others: queue,"
                + " encoder_k.conv1.weight, encoder_k.bn1.weight, encoder_k.bn1.bias,"
                + " encoder_k.bn1.running_mean, encoder_k.bn1.running_var,"
                + " encoder_k.bn1.num_batches_tracked, encoder_k.head.weight, encoder_k.head.bias");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "sparse.pth|fc.weight is a sparse tensor; make it dense with tensor.to_dense()",
        "quantised.pth|fc.weight is a quantised tensor; turn it into numbers with tensor.dequantize()",
        "meta.pth|fc.weight is a meta tensor, which has a shape but no values",
        "complex.pth|torch.ComplexFloatStorage, whose element type is not supported",
        "subclass.pth|fc.weight is a tensor of a subclass or with attributes",
      })
  void refusesWhatIsNoPlainArrayByWhatItIs(String fixture, String message) {
    assertThatThrownBy(() -> read(fixture))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(message)
        .hasMessageNotContaining("malicious");
  }
}
