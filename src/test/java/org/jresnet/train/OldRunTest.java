package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.Precision;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.engine.Model;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A run folder that jresnet 0.1 wrote before networks were registered by name: {@code
 * fixtures/run}, two epochs of a ResNet-18 with one channel in the stem, on the reference backend;
 * {@code third-epoch.safetensors} is what that version came to after a third.
 */
final class OldRunTest {
  @TempDir private Path folder;

  private Path copy() throws Exception {
    return TinyRun.copy(
        Path.of(OldRunTest.class.getResource("/fixtures/run/run.json").toURI()).getParent(),
        folder.resolve("run"));
  }

  @Test
  void opens() throws Exception {
    LoadedModel loaded = ModelFiles.open(copy(), Optional.empty());
    assertThat(loaded.info().architecture()).isEqualTo("resnet18");
    assertThat(loaded.info().classes()).containsExactly("camera", "generated");
    try (Model model = new Model(loaded.graph(), new ReferenceBackend(), Precision.FP64)) {
      assertThat(ModelFiles.load(model, loaded.weights(), "run")).isEmpty();
      assertThat(model.get("bn1.running_var")[0]).isNotZero();
    }
  }

  @Test
  void goesOn() throws Exception {
    Path faces = TinyRun.faces(folder);
    Path run = copy();
    Path record = run.resolve(RunFolder.RUN);
    String moved = Files.readString(record).replace("/data/faces", faces.toString());
    assertThat(moved).contains(faces.toString());
    Files.writeString(record, moved);
    // Bytes of compressed images may differ between versions of Java; their pixels do not.
    Trainer.Outcome outcome = TinyRun.resume(run, 3, Trainer.Contents.TRUSTED, new TinyRun.Notes());
    assertThat(outcome.history()).hasSize(3);
    Map<String, HostTensor> found = WeightFiles.read(run.resolve(RunFolder.BEST)).tensors();
    Map<String, HostTensor> expected =
        WeightFiles.read(run.resolve("third-epoch.safetensors")).tensors();
    assertThat(found.keySet()).isEqualTo(expected.keySet()).hasSize(122);
    // Not to the bit: exp may differ in its last one between processors.
    expected.forEach(
        (name, tensor) ->
            assertThat(values(found.get(name)))
                .as(name)
                .usingComparatorWithPrecision(1e-5f)
                .containsExactly(values(tensor)));
  }

  private static float[] values(HostTensor tensor) {
    return tensor.shape().isEmpty() ? new float[] {tensor.toLong()} : tensor.toFloats();
  }
}
