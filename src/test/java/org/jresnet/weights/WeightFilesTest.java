package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WeightFilesTest {
  @TempDir private Path folder;

  private static StateDict all() {
    return WeightFiles.read(Fixtures.file("zip.pth"));
  }

  /** In turn, each form of the same tensors; names, types, shapes, bits and order stay. */
  @ParameterizedTest
  @CsvSource({
    "a.pth, b.safetensors, c.PTH",
    "a.safetensors, b.pt, c.safetensors",
    "a.ckpt, b.pth, c.ckpt"
  })
  void convertsBitForBit(String first, String second, String third) {
    StateDict dict = all();
    for (String name : List.of(first, second, third)) {
      WeightFiles.write(folder.resolve(name), dict);
      dict = WeightFiles.read(folder.resolve(name));
    }
    assertThat(dict).isEqualTo(all());
    assertThat(List.copyOf(dict.tensors().keySet()))
        .isEqualTo(List.copyOf(all().tensors().keySet()));
  }

  @Test
  void equalDictsGiveEqualFiles() throws IOException {
    for (String extension : List.of(".pth", ".safetensors")) {
      Path a = folder.resolve("a" + extension);
      Path b = folder.resolve("other" + extension);
      WeightFiles.write(a, all());
      WeightFiles.write(b, all());
      assertThat(Files.mismatch(a, b)).isEqualTo(-1);
    }
  }

  @Test
  void writesWhatNoChunkHolds() {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    float[] values = new float[700_001];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    tensors.put("large", HostTensor.ofFloats(List.of((long) values.length), values));
    tensors.put("no elements", new HostTensor(DType.F32, List.of(1L << 40, 0L), empty()));
    for (String name : List.of("w.pth", "w.safetensors")) {
      WeightFiles.write(folder.resolve(name), new StateDict(tensors, Map.of()));
      assertThat(WeightFiles.read(folder.resolve(name)).tensors()).isEqualTo(tensors);
    }
  }

  private static ByteBuffer empty() {
    return ByteBuffer.allocate(0);
  }

  @Test
  void contentDecidesNotTheExtension() throws IOException {
    Path file = folder.resolve("wrong.pth");
    Files.copy(Fixtures.file("all.safetensors"), file);
    assertThat(WeightFiles.read(file).tensors()).hasSize(11);
    file = folder.resolve("wrong.safetensors");
    Files.copy(Fixtures.file("legacy.pth"), file);
    assertThat(WeightFiles.read(file).tensors()).hasSize(11);
  }

  @ParameterizedTest
  @CsvSource({
    "'<!DOCTYPE html><html>', 3c 21 44 4f 43 54 59 50 45 20 68 74 6d 6c 3e 3c ('<!DOCTYPE html><')",
    "'version https://git-lfs', ('version https://')",
    "'{\"a\": 1, {', starts with 7b 22",
    "'abc', it has 3 bytes and starts with 61 62 63 ('abc')",
  })
  void namesTheFirstBytesOfOtherFiles(String content, String message) throws IOException {
    Path file = folder.resolve("resnet50.pth");
    Files.writeString(file, content);
    assertThatThrownBy(() -> WeightFiles.read(file))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith(file + " is no weight file")
        .hasMessageContaining(message)
        .hasMessageEndingWith("expected a safetensors file or a PyTorch file (zip or pickle)");
  }

  @Test
  void saysWhyThereIsNothingToRead() throws IOException {
    Path missing = folder.resolve("missing.pth");
    assertThatThrownBy(() -> WeightFiles.read(missing))
        .isInstanceOf(UserError.class)
        .hasMessage("the weight file " + missing + " does not exist");
    assertThatThrownBy(() -> WeightFiles.read(folder))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("is a folder");
    Path empty = Files.createFile(folder.resolve("empty.pth"));
    assertThatThrownBy(() -> WeightFiles.read(empty))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("is empty (0 bytes)");
  }

  @Test
  void saysThatAFileIsUnreadable() throws IOException {
    Path file = Files.writeString(folder.resolve("secret.pth"), "x");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("---------"));
    assumeFalse(Files.isReadable(file), "this user may read every file (root)");
    assertThatThrownBy(() -> WeightFiles.read(file))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("permission denied");
  }

  @Test
  void refusesUnknownExtensions() {
    Path file = folder.resolve("weights.onnx");
    assertThatThrownBy(() -> WeightFiles.write(file, all()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("expected the extension .safetensors or .pth");
    assertThat(file).doesNotExist();
  }

  @Test
  void namesTheFileWithDamagedMetadata() {
    Path file = folder.resolve("w.safetensors");
    WeightFiles.write(file, all().withMetadata(Map.of("jresnet.architecture", "resnet50")));
    assertThatThrownBy(() -> WeightFiles.read(file))
        .isInstanceOf(UserError.class)
        .hasMessage(file + ": the metadata of jresnet are damaged: jresnet.format is missing");
  }

  @Test
  void aFullDiskLeavesTheOldFile() throws IOException {
    Path file = Files.writeString(folder.resolve("best.safetensors"), "old");
    assertThatThrownBy(
            () ->
                AtomicFile.write(
                    file,
                    channel -> {
                      channel.write(ByteBuffer.wrap("half".getBytes(StandardCharsets.UTF_8)));
                      throw new IOException("No space left on device");
                    }))
        .isInstanceOf(UserError.class)
        .hasMessage(
            "cannot write " + file + ": No space left on device; the previous file is untouched");
    assertOnly(file, "old");
  }

  @Test
  void aFailureOfAnyKindLeavesNoTemporaryFile() throws IOException {
    Path file = Files.writeString(folder.resolve("best.safetensors"), "old");
    assertThatThrownBy(
            () ->
                AtomicFile.write(
                    file,
                    channel -> {
                      throw new IllegalStateException("a defect");
                    }))
        .isInstanceOf(IllegalStateException.class);
    assertOnly(file, "old");
  }

  /** A file that happens to be called like a temporary one is neither an obstacle nor touched. */
  @Test
  void leavesOthersFilesAlone() throws IOException {
    Path file = Files.writeString(folder.resolve("run.json"), "old");
    Path other = Files.writeString(folder.resolve(".run.json.tmp"), "somebody's");
    AtomicFile.write(file, "new");
    assertThat(other).hasContent("somebody's");
    Files.delete(other);
    assertOnly(file, "new");
  }

  private void assertOnly(Path file, String content) throws IOException {
    assertThat(file).hasContent(content);
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void saysWhereItCannotWrite() throws IOException {
    Path nowhere = folder.resolve("no/such/w.pth");
    assertThatThrownBy(() -> WeightFiles.write(nowhere, all()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("the folder " + nowhere.getParent() + " does not exist");
    Path directory = Files.createDirectory(folder.resolve("d.pth"));
    assertThatThrownBy(() -> WeightFiles.write(directory, all()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("it is a folder");
    Path locked = Files.createDirectory(folder.resolve("locked"));
    Files.setPosixFilePermissions(locked, PosixFilePermissions.fromString("r-xr-xr-x"));
    assumeFalse(Files.isWritable(locked), "this user may write everywhere (root)");
    assertThatThrownBy(() -> WeightFiles.write(locked.resolve("w.pth"), all()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("permission denied");
  }

  @ParameterizedTest
  @CsvSource({
    // The whole SHA-256 is known.
    "resnet50-0676ba61.pth, expected 0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a;",
    // Only what the name says.
    "resnet152-f82ba261.pth, expected one that starts with f82ba261;",
    "resnet50_a1_0-14fe96d1.pth, expected one that starts with 14fe96d1;",
    "efficientnet_b0_rwightman-7f5810bc.pth, expected one that starts with 7f5810bc;",
    "shufflenetv2_x0.5-f707e7126e.pth, expected one that starts with f707e7126e;",
    "shufflenetv2_x1-5666bf0f80.pth, expected one that starts with 5666bf0f80;"
  })
  void aPublishedNameNeedsThePublishedContent(String name, String expected) {
    WeightFiles.write(folder.resolve(name), all());
    List<Graph> networks = Architecture.all().stream().map(a -> a.graph(2)).toList();
    WeightFiles.Wanted wanted = new WeightFiles.Wanted(networks, Optional.empty());
    assertThatThrownBy(() -> WeightFiles.read(folder.resolve(name), wanted))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(expected)
        .hasMessageContaining("get it again");
  }

  @Test
  void otherNamesAndAgreeingOnesAreRead() throws Exception {
    Path file = folder.resolve("a.pth");
    WeightFiles.write(file, all());
    String digest =
        HexFormat.of()
            .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    for (String name :
        List.of(
            "resnet50-" + digest.substring(0, 8) + ".pth",
            "resnet50-20261124.pth",
            "mine-0676ba61.pth",
            "resnet50-0676ba61-tuned.pth")) {
      Path copy = Files.copy(file, folder.resolve(name));
      assertThat(WeightFiles.read(copy)).isEqualTo(all());
    }
  }
}
