package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A finished run of two epochs goes on to the same bytes as one of three, or says what has changed.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
final class ResumeTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Path folder;
  private Path faces;
  private Path run;
  private Path whole;

  @BeforeAll
  void train(@TempDir Path shared) {
    folder = shared;
    faces = TinyRun.faces(folder);
    run = TinyRun.finished(folder, faces, 2);
    whole = TinyRun.finished(folder, faces, 3);
  }

  Stream<Damage> accepted() throws IOException {
    Path victim = Files.writeString(folder.resolve("victim"), "precious");
    Path elsewhere = folder.resolve("elsewhere.ckpt");
    Consumer<Map<String, String>> old =
        metadata -> {
          try {
            metadata.keySet().retainAll(List.of(Damage.POSITION));
            ObjectNode position = (ObjectNode) JSON.readTree(metadata.get(Damage.POSITION));
            position.remove(List.of("best", "lossScale"));
            metadata.put(Damage.POSITION, position.toString());
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        };
    return Stream.of(
        new Damage("nothing", d -> {}, ""),
        new Damage("metrics missing", d -> Files.delete(d.resolve("metrics.csv")), ""),
        new Damage(
            "damaged cache", d -> Files.writeString(d.resolve(RunFolder.HASHES), "\"file,x"), ""),
        new Damage(
            "planted link", d -> Files.createSymbolicLink(d.resolve(".last.ckpt.tmp"), victim), ""),
        new Damage(
            "planted pipe",
            d -> {
              Files.writeString(d.resolve(".metrics.csv.tmp"), "");
              Damage.pipe(d.resolve(".metrics.csv.tmp"));
            },
            ""),
        new Damage("planted folder", d -> Files.createDirectory(d.resolve(".last.ckpt.tmp")), ""),
        new Damage(
            "last.ckpt elsewhere",
            d -> {
              Files.move(d.resolve(RunFolder.LAST), elsewhere);
              Files.createSymbolicLink(d.resolve(RunFolder.LAST), elsewhere);
            },
            ""),
        new Damage(
            "of an older version",
            d -> {
              Damage.rewrite(d, (metadata, tensors) -> old.accept(metadata), false);
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
  void whatChangesNothingGoesOnToTheSameBytes(Damage c) throws IOException {
    c.toCopy(
        run,
        folder.resolve("accepted"),
        copy -> {
          TinyRun.Notes notes = new TinyRun.Notes();
          TinyRun.resume(copy, 3, Trainer.Contents.CHECKED, notes);
          assertThat(String.join("\n", notes.texts)).contains(c.message());
          assertThat(copy.resolve(RunFolder.BEST))
              .hasSameBinaryContentAs(whole.resolve(RunFolder.BEST));
          assertThat(WeightFiles.read(copy.resolve(RunFolder.LAST)).tensors())
              .isEqualTo(WeightFiles.read(whole.resolve(RunFolder.LAST)).tensors());
          assertThat(folder.resolve("victim")).hasContent("precious");
          assertThat(copy.resolve("metrics.csv")).content().hasLineCount(4);
        });
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
