package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;
import org.jresnet.weights.HostTensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A finished run of two epochs, damaged or changed in many ways, must not go on. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
final class ResumeRefusedTest {
  private static final String FIRST = "conv1.weight";

  private Path folder;
  private Path run;

  @BeforeAll
  void train(@TempDir Path shared) {
    folder = shared;
    run = TinyRun.finished(folder, TinyRun.faces(folder), 2);
  }

  Stream<Damage> refused() {
    List<Damage> cases = new ArrayList<>();
    for (String text : List.of("null", "", "{}", "[]", "[".repeat(100_000), "\u0000")) {
      cases.add(
          Damage.record(
              "is " + text.substring(0, Math.min(4, text.length())), t -> text, "run.json"));
    }
    cases.add(Damage.field("/zzz", 1, "zzz: expected no such field"));
    cases.add(Damage.field("/options", null, "options: expected an object, found null"));
    cases.add(Damage.field("/options/network", null, "options.network: expected an object"));
    cases.add(Damage.field("/classes", null, "classes: expected a list"));
    cases.add(Damage.field("/classes", List.of("a", "b"), "classes was"));
    cases.add(Damage.field("/dataHash", null, "dataHash: expected a text"));
    cases.add(Damage.field("/dataHash", "00", "images were added, removed or changed"));
    cases.add(Damage.field("/contentHash", "00", "images were added, removed or changed"));
    cases.add(Damage.field("/backend", null, "backend: expected a text"));
    cases.add(Damage.field("/options/batch", 0, "batch must be at least 1"));
    cases.add(Damage.field("/options/batch", 5, "options.batch was 4, is 5"));
    cases.add(Damage.field("/options/batch", Integer.MAX_VALUE, "options.batch was 4"));
    cases.add(Damage.field("/options/batch", "x", "options.batch: expected a whole number"));
    cases.add(Damage.field("/options/network/width", Integer.MAX_VALUE, ""));
    cases.add(Damage.field("/options/network/width", 3, "options.network.width was 2, is 3"));
    cases.add(Damage.field("/options/network/model", "../../x", "options.network: unknown model"));
    cases.add(
        Damage.field(
            "/options/network/backend", "zzz", "options.network.backend: expected auto or cpu"));
    cases.add(
        Damage.field(
            "/options/network/precision", "", "options.network.precision: expected fp64 or fp32"));
    cases.add(Damage.field("/options/network/precision", "bf16", ""));
    cases.add(Damage.field("/options/data", null, "options.data: expected a text"));
    cases.add(Damage.field("/options/data", "a\0b", "data must be a path"));
    cases.add(Damage.field("/options/network/weights", "/dev/zero", "is a device or pipe"));
    cases.add(Damage.field("/options/network/weights", "/etc/passwd", "weights"));
    cases.add(Damage.field("/options/split/csv", "/dev/zero", "is a device or pipe"));
    cases.add(Damage.field("/options/split/group", "(", "no regular expression"));
    cases.add(Damage.field("/options/input/preprocess/size", -3, "size must be at least 1"));
    cases.add(Damage.field("/options/seed", 43, "cannot be resumed"));
    cases.add(
        Damage.field("/options/optimizer/learningRate", 5.0, "options.optimizer.learningRate was"));
    cases.add(Damage.field("/options/optimizer/learningRate", "NaN", "expected a number"));
    cases.add(Damage.field("/options/input/threads", 0, "loader threads must be at least 1"));
    cases.add(
        Damage.field("/options/network/freeze", null, "options.network.freeze: expected a list"));
    cases.add(Damage.field("/options/network/freeze", List.of("["), ""));
    cases.add(
        Damage.field("/options/network/freeze", List.of("conv1.*"), "options.network.freeze was"));
    cases.add(Damage.field("/options/lastBatch", "KEEP", "options.lastBatch was"));
    cases.add(
        Damage.record(
            "with options twice",
            t -> t.stripTrailing().replaceAll("}$", ",\"options\":null}"),
            "options: expected the field once"));

    for (String text : List.of("null", "[]", "{}", "")) {
      cases.add(
          Damage.checkpoint(
              "position " + text, (m, t) -> m.put(Damage.POSITION, text), "jresnet.checkpoint"));
    }
    cases.add(
        Damage.checkpoint("without metadata", (m, t) -> m.clear(), "is no checkpoint of jresnet"));
    cases.add(Damage.checkpoint("without its run", (m, t) -> m.remove("jresnet.run"), "which run"));
    cases.add(
        new Damage(
            "last.ckpt without its digest",
            d -> Damage.rewrite(d, (m, t) -> m.remove(CheckpointFile.DIGEST), false),
            "its digest is missing"));
    cases.add(
        Damage.checkpoint(
            "with other options",
            (m, t) -> m.put("jresnet.run", Damage.set(m.get("jresnet.run"), "/options/clip", 7.0)),
            "options.clip was 7.0, is 0.0"));
    cases.add(Damage.position("epoch", 1, "position that this run cannot have"));
    cases.add(Damage.position("best", "00", "is not the file that the run wrote"));
    cases.add(Damage.checkpoint("without fc.bias", (m, t) -> t.remove("fc.bias"), "lacks fc.bias"));
    cases.add(
        Damage.checkpoint(
            "with a tensor more",
            (m, t) -> t.put("more", HostTensor.ofLongs(List.of(), 1)),
            "holds more, which"));
    cases.add(
        Damage.checkpoint(
            "of reversed shape",
            (m, t) -> {
              HostTensor old = t.get(FIRST);
              List<Long> shape = new ArrayList<>(old.shape());
              Collections.reverse(shape);
              t.put(FIRST, new HostTensor(old.type(), shape, old.data()));
            },
            FIRST + " is F32"));
    cases.add(
        Damage.checkpoint(
            "with a count that is none",
            (m, t) ->
                t.put("bn1.num_batches_tracked", HostTensor.ofFloats(List.of(), new float[1])),
            "is no count"));
    cases.add(
        Damage.checkpoint(
            "with a negative count",
            (m, t) -> t.put("bn1.num_batches_tracked", HostTensor.ofLongs(List.of(), -1)),
            "is no count"));
    cases.add(Damage.value("weight NaN", FIRST, Float.NaN, FIRST + " holds NaN"));
    cases.add(Damage.value("moment NaN", "optimizer.0." + FIRST, Float.NaN, "holds NaN"));
    cases.add(Damage.value("variance < 0", "bn1.running_var", -1, "of at least 0"));
    cases.add(Damage.value("second moment < 0", "optimizer.1." + FIRST, -1, "of at least 0"));
    cases.add(
        new Damage(
            "last.ckpt of another type",
            d ->
                Damage.rewrite(
                    d,
                    (m, t) -> {
                      HostTensor old = t.get("fc.bias");
                      ByteBuffer wide = ByteBuffer.allocate(2 * old.data().remaining());
                      t.put("fc.bias", new HostTensor(DType.F64, old.shape(), wide));
                    },
                    true),
            "fc.bias is F64"));

    cases.add(new Damage("last.ckpt cut", d -> Damage.cut(d.resolve(RunFolder.LAST)), "truncated"));
    for (double at : new double[] {0.1, 0.3, 0.5, 0.9, 0.9999}) {
      cases.add(
          new Damage(
              "a bit flipped at " + at, d -> Damage.flip(d.resolve(RunFolder.LAST), at), ""));
    }
    cases.add(
        new Damage("best missing", d -> Files.delete(d.resolve(RunFolder.BEST)), "is missing"));
    cases.add(
        new Damage(
            "best cut",
            d -> Damage.cut(d.resolve(RunFolder.BEST)),
            "is not the file that the run"));
    for (String pipe : List.of("run.json", "last.ckpt", "best.safetensors")) {
      cases.add(new Damage(pipe + " is a pipe", d -> Damage.pipe(d.resolve(pipe)), ""));
    }
    cases.add(
        new Damage(
            "metrics.csv is a folder",
            d -> {
              Files.delete(d.resolve("metrics.csv"));
              Files.createDirectory(d.resolve("metrics.csv"));
            },
            "metrics.csv: it is a folder"));
    return cases.stream();
  }

  @ParameterizedTest
  @MethodSource("refused")
  void whatDoesNotBelongTogetherIsRefused(Damage c) throws IOException {
    c.toCopy(
        run,
        folder.resolve("refused"),
        copy -> {
          Map<String, FileTime> before = files(copy);
          assertThatThrownBy(
                  () -> TinyRun.resume(copy, 3, Trainer.Contents.CHECKED, new TinyRun.Notes()))
              .isInstanceOf(UserError.class)
              .hasMessageContaining(c.message());
          if (!c.name().startsWith("metrics")) {
            assertThat(files(copy)).as("nothing changes").isEqualTo(before);
          }
        });
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
}
