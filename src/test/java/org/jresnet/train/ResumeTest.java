package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.graph.DType;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A finished run of two epochs, damaged or changed in many ways, must not go on. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
final class ResumeTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String POSITION = "jresnet.checkpoint";
  private static final String FIRST = "conv1.weight";

  private Path folder;
  private Path faces;
  private Path run;
  private Path whole;

  private interface Edit {
    void apply(Path copy) throws IOException;
  }

  private record Case(String name, Edit edit, String message) {
    @Override
    public String toString() {
      return name;
    }
  }

  @BeforeAll
  void train(@TempDir Path shared) {
    folder = shared;
    faces = folder.resolve("faces");
    run = folder.resolve("run");
    whole = folder.resolve("whole");
    DrawnFaces.write(faces, new DrawnFaces.Options(10, 32, 4), done -> {});
    for (Path out : List.of(run, whole)) {
      int epochs = out == run ? 2 : 3;
      TinyRun.start(
          TinyRun.options(faces, epochs), out, RunFolder.Existing.REFUSE, new TinyRun.Notes());
    }
  }

  private static Case record(String name, UnaryOperator<String> edit, String message) {
    return new Case(
        "run.json " + name,
        d -> {
          Path file = d.resolve("run.json");
          Files.writeString(file, edit.apply(Files.readString(file)));
        },
        message);
  }

  private static Case field(String pointer, Object value, String message) {
    return record(pointer + " = " + value, text -> set(text, pointer, value), message);
  }

  private static String set(String json, String pointer, Object value) {
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

  /** A checkpoint whose position is edited and whose digest is made to fit again. */
  private static Case position(String field, Object value, String message) {
    return checkpoint(
        "position " + field + " = " + value,
        (metadata, tensors) ->
            metadata.put(POSITION, set(metadata.get(POSITION), "/" + field, value)),
        message);
  }

  private interface CheckpointEdit {
    void apply(Map<String, String> metadata, Map<String, HostTensor> tensors);
  }

  private static Case checkpoint(String name, CheckpointEdit edit, String message) {
    return new Case("last.ckpt " + name, d -> rewrite(d, edit, true), message);
  }

  private static void rewrite(Path d, CheckpointEdit edit, boolean sealed) {
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

  private static Case value(String name, String tensor, float value, String message) {
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

  Stream<Case> refused() {
    List<Case> cases = new ArrayList<>();
    for (String text : List.of("null", "", "{}", "[]", "[".repeat(100_000), "\u0000")) {
      cases.add(
          record("is " + text.substring(0, Math.min(4, text.length())), t -> text, "run.json"));
    }
    cases.add(field("/zzz", 1, "zzz: expected no such field"));
    cases.add(field("/options", null, "options: expected an object, found null"));
    cases.add(field("/options/network", null, "options.network: expected an object"));
    cases.add(field("/classes", null, "classes: expected a list"));
    cases.add(field("/classes", List.of("a", "b"), "classes was"));
    cases.add(field("/dataHash", null, "dataHash: expected a text"));
    cases.add(field("/dataHash", "00", "images were added, removed or changed"));
    cases.add(field("/contentHash", "00", "images were added, removed or changed"));
    cases.add(field("/contentHash", "", null));
    cases.add(field("/backend", null, "backend: expected a text"));
    cases.add(field("/options/batch", 0, "batch must be at least 1"));
    cases.add(field("/options/batch", 5, "options.batch was 4, is 5"));
    cases.add(field("/options/batch", Integer.MAX_VALUE, "options.batch was 4"));
    cases.add(field("/options/batch", "x", "options.batch: expected a whole number"));
    cases.add(field("/options/network/width", Integer.MAX_VALUE, ""));
    cases.add(field("/options/network/width", 3, "options.network.width was 2, is 3"));
    cases.add(field("/options/network/model", "../../x", "options.network: unknown model"));
    cases.add(
        field("/options/network/backend", "zzz", "options.network.backend: expected auto or cpu"));
    cases.add(
        field(
            "/options/network/precision", "", "options.network.precision: expected fp64 or fp32"));
    cases.add(field("/options/network/precision", "bf16", ""));
    cases.add(field("/options/data", null, "options.data: expected a text"));
    cases.add(field("/options/data", "a\0b", "data must be a path"));
    cases.add(field("/options/network/weights", "/dev/zero", "is a device or pipe"));
    cases.add(field("/options/network/weights", "/etc/passwd", "weights"));
    cases.add(field("/options/split/csv", "/dev/zero", "is a device or pipe"));
    cases.add(field("/options/split/group", "(", "no regular expression"));
    cases.add(field("/options/input/preprocess/size", -3, "size must be at least 1"));
    cases.add(field("/options/seed", 43, "cannot be resumed"));
    cases.add(field("/options/optimizer/learningRate", 5.0, "options.optimizer.learningRate was"));
    cases.add(field("/options/optimizer/learningRate", "NaN", "expected a number"));
    cases.add(field("/options/input/threads", 0, "loader threads must be at least 1"));
    cases.add(field("/options/network/freeze", null, "options.network.freeze: expected a list"));
    cases.add(field("/options/network/freeze", List.of("["), ""));
    cases.add(field("/options/network/freeze", List.of("conv1.*"), "options.network.freeze was"));
    cases.add(field("/options/lastBatch", "KEEP", "options.lastBatch was"));
    cases.add(
        record(
            "with options twice",
            t -> t.stripTrailing().replaceAll("}$", ",\"options\":null}"),
            "options: expected the field once"));

    for (String text : List.of("null", "[]", "{}", "")) {
      cases.add(
          checkpoint("position " + text, (m, t) -> m.put(POSITION, text), "jresnet.checkpoint"));
    }
    cases.add(checkpoint("without metadata", (m, t) -> m.clear(), "is no checkpoint of jresnet"));
    cases.add(checkpoint("without its run", (m, t) -> m.remove("jresnet.run"), "which run"));
    cases.add(
        new Case(
            "last.ckpt without its digest",
            d -> rewrite(d, (m, t) -> m.remove(CheckpointFile.DIGEST), false),
            "its digest is missing"));
    cases.add(
        checkpoint(
            "with other options",
            (m, t) -> m.put("jresnet.run", set(m.get("jresnet.run"), "/options/clip", 7.0)),
            "options.clip was 7.0, is 0.0"));
    cases.add(position("epoch", 1, "position that this run cannot have"));
    cases.add(position("best", "00", "is not the file that the run wrote"));
    cases.add(checkpoint("without fc.bias", (m, t) -> t.remove("fc.bias"), "lacks fc.bias"));
    cases.add(
        checkpoint(
            "with a tensor more",
            (m, t) -> t.put("more", HostTensor.ofLongs(List.of(), 1)),
            "holds more, which"));
    cases.add(
        checkpoint(
            "of reversed shape",
            (m, t) -> {
              HostTensor old = t.get(FIRST);
              List<Long> shape = new ArrayList<>(old.shape());
              java.util.Collections.reverse(shape);
              t.put(FIRST, new HostTensor(old.type(), shape, old.data()));
            },
            FIRST + " is F32"));
    cases.add(
        checkpoint(
            "with a count that is none",
            (m, t) ->
                t.put("bn1.num_batches_tracked", HostTensor.ofFloats(List.of(), new float[1])),
            "is no count"));
    cases.add(
        checkpoint(
            "with a negative count",
            (m, t) -> t.put("bn1.num_batches_tracked", HostTensor.ofLongs(List.of(), -1)),
            "is no count"));
    cases.add(value("weight NaN", FIRST, Float.NaN, FIRST + " holds NaN"));
    cases.add(value("moment NaN", "optimizer.0." + FIRST, Float.NaN, "holds NaN"));
    cases.add(value("variance < 0", "bn1.running_var", -1, "of at least 0"));
    cases.add(value("second moment < 0", "optimizer.1." + FIRST, -1, "of at least 0"));
    cases.add(
        new Case(
            "last.ckpt of another type",
            d ->
                rewrite(
                    d,
                    (m, t) -> {
                      HostTensor old = t.get("fc.bias");
                      ByteBuffer wide = ByteBuffer.allocate(2 * old.data().remaining());
                      t.put("fc.bias", new HostTensor(DType.F64, old.shape(), wide));
                    },
                    true),
            "fc.bias is F64"));

    cases.add(new Case("last.ckpt cut", d -> cut(d.resolve(RunFolder.LAST)), "truncated"));
    for (double at : new double[] {0.1, 0.3, 0.5, 0.9, 0.9999}) {
      cases.add(new Case("a bit flipped at " + at, d -> flip(d.resolve(RunFolder.LAST), at), ""));
    }
    cases.add(new Case("best missing", d -> Files.delete(d.resolve(RunFolder.BEST)), "is missing"));
    cases.add(
        new Case("best cut", d -> cut(d.resolve(RunFolder.BEST)), "is not the file that the run"));
    for (String pipe : List.of("run.json", "last.ckpt", "best.safetensors")) {
      cases.add(new Case(pipe + " is a pipe", d -> pipe(d.resolve(pipe)), ""));
    }
    cases.add(
        new Case(
            "metrics.csv is a folder",
            d -> {
              Files.delete(d.resolve("metrics.csv"));
              Files.createDirectory(d.resolve("metrics.csv"));
            },
            "metrics.csv: it is a folder"));
    cases.removeIf(c -> c.message() == null);
    return cases.stream();
  }

  Stream<Case> impossible() {
    List<Case> cases = new ArrayList<>();
    cases.add(position("epoch", -1, "epoch: expected a whole number of at least 0"));
    cases.add(position("epoch", Integer.MAX_VALUE, "position that this run cannot have"));
    cases.add(position("epoch", 1, "position that this run cannot have"));
    cases.add(position("batch", -1, "batch: expected a whole number"));
    cases.add(position("batch", 1_000_000, "batch is 1000000, expected at most"));
    cases.add(position("batch", 1, "position that this run cannot have"));
    cases.add(position("bestEpoch", 99, "bestEpoch is 99"));
    cases.add(position("bestEpoch", -3, "bestEpoch: expected a whole number"));
    cases.add(position("bestEpoch", 0, "bestEpoch is 0"));
    cases.add(position("history", null, "history: expected a list"));
    cases.add(position("history", List.of(), "history is 0 epochs"));
    cases.add(position("history", java.util.Arrays.asList(null, null), "history[0]: expected"));
    cases.add(position("steps", -5, "steps: expected a whole number"));
    cases.add(position("steps", 1L << 62, "steps is 4611686018427387904, expected"));
    cases.add(position("lossScale", null, "lossScale: expected an object"));
    cases.add(position("seen", -12, "seen: expected a whole number"));
    cases.add(position("seen", 4, "seen is 4"));
    cases.add(position("correct", 1, "correct is 1"));
    cases.add(position("lossSum", "NaN", "lossSum: expected a number"));
    cases.add(position("lossSum", 3.5, "lossSum is 3.5"));
    return cases.stream();
  }

  @ParameterizedTest
  @MethodSource("impossible")
  void positionsThatNoRunHasAreRefused(Case c) throws IOException {
    Path copy = TinyRun.copy(run, folder.resolve("impossible"));
    try {
      c.edit().apply(copy);
      Path file = copy.resolve(RunFolder.LAST);
      // 12 images to train on, in batches of 4.
      Checkpoint.Limits limits = new Checkpoint.Limits(3, 4, 12, 1, false);
      assertThatThrownBy(
              () -> CheckpointFile.read(file).position().requirePossible(file.toString(), limits))
          .isInstanceOf(UserError.class)
          .hasMessageContaining(file.toString())
          .hasMessageContaining(c.message());
    } finally {
      delete(copy);
    }
  }

  private static void cut(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length / 2));
  }

  private static void flip(Path file, double at) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[(int) (at * bytes.length)] ^= 0x10;
    Files.write(file, bytes);
  }

  private static void pipe(Path file) throws IOException {
    Files.delete(file);
    try {
      assertThat(new ProcessBuilder("mkfifo", file.toString()).start().waitFor()).isZero();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("refused")
  void whatDoesNotBelongTogetherIsRefused(Case c) throws IOException {
    Path copy = TinyRun.copy(run, folder.resolve("refused"));
    try {
      c.edit().apply(copy);
      Map<String, FileTime> before = files(copy);
      assertThatThrownBy(
              () -> TinyRun.resume(copy, 3, Trainer.Contents.CHECKED, new TinyRun.Notes()))
          .isInstanceOf(UserError.class)
          .hasMessageContaining(c.message());
      if (!c.name().startsWith("metrics")) {
        assertThat(files(copy)).as("nothing changes").isEqualTo(before);
      }
    } finally {
      delete(copy);
    }
  }

  private static Map<String, FileTime> files(Path d) throws IOException {
    Map<String, FileTime> times = new TreeMap<>();
    try (var entries = Files.list(d)) {
      for (Path entry : entries.toList()) {
        if (!entry.endsWith(RunLock.FILE)) {
          times.put(entry.getFileName().toString(), Files.getLastModifiedTime(entry));
        }
      }
    }
    return times;
  }

  private static void delete(Path d) throws IOException {
    try (var entries = Files.walk(d)) {
      for (Path entry : entries.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(entry);
      }
    }
  }

  Stream<Case> accepted() throws IOException {
    Path victim = Files.writeString(folder.resolve("victim"), "precious");
    Path elsewhere = folder.resolve("elsewhere.ckpt");
    Consumer<Map<String, String>> old =
        metadata -> {
          try {
            metadata.keySet().retainAll(List.of(POSITION));
            ObjectNode position = (ObjectNode) JSON.readTree(metadata.get(POSITION));
            position.remove(List.of("best", "lossScale"));
            metadata.put(POSITION, position.toString());
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        };
    return Stream.of(
        new Case("nothing", d -> {}, ""),
        new Case("metrics missing", d -> Files.delete(d.resolve("metrics.csv")), ""),
        new Case(
            "damaged cache", d -> Files.writeString(d.resolve(RunFolder.HASHES), "\"file,x"), ""),
        new Case(
            "planted link", d -> Files.createSymbolicLink(d.resolve(".last.ckpt.tmp"), victim), ""),
        new Case(
            "planted pipe",
            d -> {
              Files.writeString(d.resolve(".metrics.csv.tmp"), "");
              pipe(d.resolve(".metrics.csv.tmp"));
            },
            ""),
        new Case("planted folder", d -> Files.createDirectory(d.resolve(".last.ckpt.tmp")), ""),
        new Case(
            "last.ckpt elsewhere",
            d -> {
              Files.move(d.resolve(RunFolder.LAST), elsewhere);
              Files.createSymbolicLink(d.resolve(RunFolder.LAST), elsewhere);
            },
            ""),
        new Case(
            "of an older version",
            d -> {
              rewrite(d, (metadata, tensors) -> old.accept(metadata), false);
              Path file = d.resolve("run.json");
              ObjectNode record = (ObjectNode) JSON.readTree(Files.readString(file));
              record.remove("contentHash");
              ((ObjectNode) record.get("options")).remove(List.of("lastBatch", "positive"));
              Files.writeString(file, record.toString());
            },
            "wrote no digests"));
  }

  @ParameterizedTest
  @MethodSource("accepted")
  void whatChangesNothingGoesOnToTheSameBytes(Case c) throws IOException {
    Path copy = TinyRun.copy(run, folder.resolve("accepted"));
    try {
      c.edit().apply(copy);
      TinyRun.Notes notes = new TinyRun.Notes();
      TinyRun.resume(copy, 3, Trainer.Contents.CHECKED, notes);
      assertThat(String.join("\n", notes.texts)).contains(c.message());
      assertThat(copy.resolve(RunFolder.BEST))
          .hasSameBinaryContentAs(whole.resolve(RunFolder.BEST));
      assertThat(WeightFiles.read(copy.resolve(RunFolder.LAST)).tensors())
          .isEqualTo(WeightFiles.read(whole.resolve(RunFolder.LAST)).tensors());
      assertThat(folder.resolve("victim")).hasContent("precious");
      assertThat(copy.resolve("metrics.csv")).content().hasLineCount(4);
    } finally {
      delete(copy);
    }
  }

  @Test
  void changedImagesOfTheSameSizeAreFound() throws IOException {
    Path data = folder.resolve("changed");
    try (var entries = Files.list(faces)) {
      for (Path entry : entries.filter(Files::isDirectory).toList()) {
        TinyRun.copy(entry, data.resolve(entry.getFileName().toString()));
      }
    }
    Path out = folder.resolve("changed-run");
    TinyRun.start(TinyRun.options(data, 1), out, RunFolder.Existing.REFUSE, new TinyRun.Notes());
    Path image;
    try (var entries = Files.walk(data)) {
      image = entries.filter(Files::isRegularFile).sorted().findFirst().orElseThrow();
    }
    FileTime time = Files.getLastModifiedTime(image);
    byte[] bytes = Files.readAllBytes(image);
    bytes[bytes.length - 3] ^= 1;
    Files.write(image, bytes);
    Files.setLastModifiedTime(image, time);
    assertThatThrownBy(() -> TinyRun.resume(out, 2, Trainer.Contents.CHECKED, new TinyRun.Notes()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("images were added, removed or changed");
    TinyRun.Notes notes = new TinyRun.Notes();
    assertThat(TinyRun.resume(out, 2, Trainer.Contents.TRUSTED, notes).history()).hasSize(2);
    assertThat(notes.texts).anyMatch(n -> n.contains("trusted, not checked"));
  }
}
