package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;

/**
 * What is done to a finished run.
 *
 * @param message part of what must be said about it
 */
record Damage(String name, Edit edit, String message) {
  static final String POSITION = "jresnet.checkpoint";
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Something done to the files of a run, or looked up there. */
  interface Edit {
    void apply(Path copy) throws IOException;
  }

  /** Something done to a checkpoint. */
  interface CheckpointEdit {
    void apply(Map<String, String> metadata, Map<String, HostTensor> tensors);
  }

  @Override
  public String toString() {
    return name;
  }

  /** Damages a copy of a run, looks at it, and deletes it. */
  void toCopy(Path run, Path copy, Edit check) throws IOException {
    TinyRun.copy(run, copy);
    try {
      edit.apply(copy);
      check.apply(copy);
    } finally {
      delete(copy);
    }
  }

  private static void delete(Path d) throws IOException {
    try (var entries = Files.walk(d)) {
      for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(entry);
      }
    }
  }

  /** An edit of the text of run.json. */
  static Damage record(String name, UnaryOperator<String> edit, String message) {
    return new Damage(
        "run.json " + name,
        d -> {
          Path file = d.resolve("run.json");
          Files.writeString(file, edit.apply(Files.readString(file)));
        },
        message);
  }

  /** Another value of a field of run.json. */
  static Damage field(String pointer, Object value, String message) {
    return record(pointer + " = " + value, text -> set(text, pointer, value), message);
  }

  static String set(String json, String pointer, Object value) {
    try {
      JsonNode root = JSON.readTree(json);
      int cut = pointer.lastIndexOf('/');
      ((ObjectNode) root.at(pointer.substring(0, cut)))
          .set(pointer.substring(cut + 1), JSON.valueToTree(value));
      return root.toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A checkpoint whose position is edited. */
  static Damage position(String field, Object value, String message) {
    return checkpoint(
        "position " + field + " = " + value,
        (metadata, tensors) ->
            metadata.put(POSITION, set(metadata.get(POSITION), "/" + field, value)),
        message);
  }

  /** A checkpoint whose digest is made to fit again. */
  static Damage checkpoint(String name, CheckpointEdit edit, String message) {
    return new Damage("last.ckpt " + name, d -> rewrite(d, edit, true), message);
  }

  static void rewrite(Path d, CheckpointEdit edit, boolean sealed) {
    Path file = d.resolve(RunFolder.LAST);
    StateDict dict = WeightFiles.read(file);
    Map<String, String> metadata = new LinkedHashMap<>(dict.metadata());
    Map<String, HostTensor> tensors = new LinkedHashMap<>(dict.tensors());
    edit.apply(metadata, tensors);
    if (sealed) {
      metadata.put(CheckpointFile.DIGEST, CheckpointFile.digest(tensors, metadata));
    }
    WeightFiles.write(file, new StateDict(tensors, metadata));
  }

  /** Another first value of a tensor of the checkpoint. */
  static Damage value(String name, String tensor, float value, String message) {
    return checkpoint(
        name,
        (metadata, tensors) -> {
          HostTensor old = tensors.get(tensor);
          ByteBuffer bytes = ByteBuffer.allocate(old.data().remaining());
          bytes.put(old.data()).order(ByteOrder.LITTLE_ENDIAN).putFloat(0, value).rewind();
          tensors.put(tensor, new HostTensor(old.type(), old.shape(), bytes));
        },
        message);
  }

  static void cut(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
  }

  static void flip(Path file, double at) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[(int) (at * bytes.length)] ^= 0x10;
    Files.write(file, bytes);
  }

  static void pipe(Path file) throws IOException {
    Files.delete(file);
    try {
      assertThat(new ProcessBuilder("mkfifo", file.toString()).start().waitFor()).isZero();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
