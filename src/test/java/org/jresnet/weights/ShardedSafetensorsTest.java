package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShardedSafetensorsTest {
  private static final String INDEX = "model.safetensors.index.json";
  private static final String FIRST = "model-00001-of-00002.safetensors";
  private static final String SECOND = "model-00002-of-00002.safetensors";

  @TempDir private Path folder;
  private Path index;

  @BeforeEach
  void copy() throws IOException {
    for (String name : List.of(INDEX, FIRST, SECOND)) {
      Files.copy(Fixtures.file("sharded/" + name), folder.resolve(name));
    }
    index = folder.resolve(INDEX);
  }

  private void edit(String from, String to) throws IOException {
    String text = Files.readString(index);
    assertThat(text).contains(from);
    Files.writeString(index, text.replace(from, to));
  }

  private void assertRefused(String message) {
    assertThatThrownBy(() -> WeightFiles.read(index))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContaining(message);
  }

  @Test
  void readsIndexAndFolder() {
    StateDict whole = WeightFiles.read(Fixtures.file("all.safetensors"));
    for (Path path : List.of(index, folder)) {
      StateDict dict = WeightFiles.read(path);
      assertThat(dict.tensors()).isEqualTo(whole.tensors());
      assertThat(dict.metadata()).isEqualTo(Map.of("format", "pt"));
      assertThat(dict.notes()).isEmpty();
    }
  }

  @Test
  void namesMissingFiles() throws IOException {
    Files.delete(folder.resolve(SECOND));
    assertRefused("of its 2 files these are missing: " + SECOND);
  }

  @Test
  void comparesFilesWithTheIndex() throws IOException {
    edit("\"half\": \"" + FIRST, "\"half\": \"" + SECOND);
    assertRefused(FIRST + " is not what the index describes; it has, against the index, half");
    edit("\"half\": \"" + SECOND + "\",", "\"other\": \"" + FIRST + "\",");
    assertRefused("it lacks other; it has, against the index, half");
  }

  @Test
  void refusesNamesThatAreThereTwice() throws IOException {
    edit("\"weight_map\": {", "\"weight_map\": {\"half\": \"" + FIRST + "\",");
    assertRefused("Duplicate field 'half'");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../model-00001-of-00002.safetensors",
        "/etc/model.safetensors",
        "a/b.safetensors",
        "..\\\\b.safetensors",
        "/etc/passwd",
        "..",
        "",
        "model.bin",
        "a\\u0000.safetensors",
        "a\\u001b[31m.safetensors",
      })
  void refusesPaths(String name) throws IOException {
    edit("\"half\": \"" + FIRST, "\"half\": \"" + name);
    assertRefused("expected the name of a .safetensors file beside it");
  }

  @Test
  void refusesOtherJson() throws IOException {
    Files.writeString(index, "[]");
    assertRefused("it is no JSON object");
    Files.writeString(index, "{\"weight_map\":{}}");
    assertRefused("its weight_map is missing or empty");
    Files.writeString(index, "{\"weight_map\":" + "[".repeat(100_000));
    assertRefused("no valid JSON");
    Files.writeString(index, "{\"weight_map\":{\"a\":null}}");
    assertRefused("it places a in ''");
  }

  @Test
  void saysThatTheIndexIsOfAnotherSize() throws IOException {
    edit("\"total_size\": 552", "\"total_size\": 553");
    assertThat(WeightFiles.read(index).notes())
        .containsExactly("the index says that its tensors have 553 bytes, they have 552");
  }

  @Test
  void refusesFoldersOfSeveralModels() throws IOException {
    Files.copy(index, folder.resolve("other.safetensors.index.json"));
    assertThatThrownBy(() -> WeightFiles.read(folder))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("several models; name the index of one: " + INDEX);
  }
}
