package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Files written by PyTorch and by safetensors' own library give the same bits here as there. */
class WrittenByOthersTest {
  static Stream<String> files() throws IOException {
    return Fixtures.expected().stream().map(Fixtures.Expected::file).distinct();
  }

  @ParameterizedTest
  @MethodSource("files")
  void holdsTheSameBitsAsInPyTorch(String file) throws IOException {
    List<Fixtures.Expected> found = new ArrayList<>();
    WeightFiles.read(Fixtures.file(file))
        .tensors()
        .forEach(
            (name, t) ->
                found.add(
                    new Fixtures.Expected(
                        file, name, t.type().name(), t.shape().toString(), Fixtures.sha256(t))));
    List<Fixtures.Expected> expected =
        Fixtures.expected().stream().filter(e -> e.file().equals(file)).toList();
    if (file.endsWith(".safetensors")) {
      // The library's own reader does not promise the header's order.
      assertThat(found).as(Fixtures.REGENERATE).containsExactlyInAnyOrderElementsOf(expected);
    } else {
      assertThat(found).as(Fixtures.REGENERATE).isEqualTo(expected);
    }
  }

  @Test
  void readsSafetensorsMetadata() {
    assertThat(WeightFiles.read(Fixtures.file("all.safetensors")).metadata())
        .containsExactlyEntriesOf(java.util.Map.of("名", "値 \"quoted\""));
  }

  @Test
  void saysWhatItUnwrapped() {
    assertThat(WeightFiles.read(Fixtures.file("nested.pth")).notes())
        .containsExactly(
            "took the entry 'state_dict' of a checkpoint, left out: epoch, arch, best_acc1, seen,"
                + " optimizer, lr_scheduler, device",
            "removed the prefix 'module.' from all names");
    assertThat(WeightFiles.read(Fixtures.file("nested-legacy.pth")).notes())
        .containsExactly("took the entry 'model' of a checkpoint, left out: epoch");
    assertThat(WeightFiles.read(Fixtures.file("compiled.pth")).notes())
        .containsExactly("removed the prefix 'module._orig_mod.' from all names");
    assertThat(WeightFiles.read(Fixtures.file("views.pth")).notes()).isEmpty();
    assertThat(WeightFiles.read(Fixtures.file("zip.pth")).notes()).isEmpty();
  }

  @Test
  void refusesWholeModelsAndPrograms() {
    assertThatThrownBy(() -> WeightFiles.read(Fixtures.file("model.pth")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("asks to import torch.nn.modules.linear.Linear")
        .hasMessageContaining("torch.save(model.state_dict(), file)");
    assertThatThrownBy(() -> WeightFiles.read(Fixtures.file("torchscript.pt")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("TorchScript");
  }
}
