package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Preprocess;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.data.shards.Packer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run on shards is the run on the folder that was packed. */
final class ShardTrainingTest {
  private static final int EPOCHS = 3;

  @TempDir static Path folder;
  private static Path faces;
  private static byte[] expected;
  private static String split;

  @BeforeAll
  static void train() throws IOException {
    faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(24, 32, 9), done -> {});
    expected = run(faces, Augmentation.NONE.withFlip(0.5), folder.resolve("plain"));
    split = Files.readString(folder.resolve("plain").resolve(RunFolder.SPLIT));
  }

  private static byte[] run(Path data, Augmentation augmentation, Path out) throws IOException {
    TrainOptions options =
        TinyRun.options(data, EPOCHS)
            .change()
            .augmentation(augmentation)
            .options(org.jresnet.engine.BackendKind.CPU, org.jresnet.backend.Precision.FP32);
    TinyRun.start(options, out, RunFolder.Existing.REFUSE, new TinyRun.Notes());
    return Files.readAllBytes(out.resolve(RunFolder.BEST));
  }

  private static Path pack(String name, Optional<Preprocess> pixels) {
    Path shards = folder.resolve(name);
    new Packer(faces, shards, new Packer.Options(pixels, 10, 1, 1))
        .run(
            new Packer.Listener() {
              @Override
              public void planned(int images, int count) {
                assertThat(count).isEqualTo(5);
              }

              @Override
              public void packed(int images) {}
            },
            () -> false);
    return shards;
  }

  @Test
  void filesInShardsTrainTheSameWeights() throws IOException {
    Path shards = pack("tar", Optional.empty());
    Path out = folder.resolve("from-tar");
    assertThat(run(shards, Augmentation.NONE.withFlip(0.5), out)).isEqualTo(expected);
    assertThat(Files.readString(out.resolve(RunFolder.SPLIT))).isEqualTo(split);
    // Augmentation of every kind starts from the same files.
    Augmentation all = new Augmentation(0.5, 0.4, 0.5, 0.5);
    byte[] augmented = run(faces, all, folder.resolve("augmented"));
    assertThat(run(shards, all, folder.resolve("augmented-tar"))).isEqualTo(augmented);
    assertThat(augmented).isNotEqualTo(expected);
  }

  @Test
  void pixelsOfTheSameSizeTrainTheSameWeights() throws IOException {
    Preprocess preprocess = TinyRun.options(faces, 1).input().preprocess();
    Path shards = pack("pixels", Optional.of(preprocess));
    Path out = folder.resolve("from-pixels");
    assertThat(run(shards, Augmentation.NONE.withFlip(0.5), out)).isEqualTo(expected);
    assertThat(Files.readString(out.resolve(RunFolder.SPLIT))).isEqualTo(split);
  }

  @Test
  void aRunOnAFolderGoesOnWithItsShards() throws IOException {
    Path out = folder.resolve("moved");
    TrainOptions options =
        TinyRun.options(faces, 1)
            .change()
            .augmentation(Augmentation.NONE.withFlip(0.5))
            .options(org.jresnet.engine.BackendKind.CPU, org.jresnet.backend.Precision.FP32);
    TinyRun.start(options, out, RunFolder.Existing.REFUSE, new TinyRun.Notes());
    Path shards = pack("for-resume", Optional.empty());
    try (RunFolder run = RunFolder.open(out, RunFolder.Existing.RESUME, new TinyRun.Notes()::note);
        var compute =
            org.jresnet.engine.Compute.open(
                options.network().backend(), options.network().precision())) {
      run.record()
          .options()
          .change()
          .data(shards)
          .epochs(EPOCHS)
          .trainer(run, compute, new TinyRun.Notes())
          .run(Trainer.Contents.CHECKED);
    }
    assertThat(Files.readAllBytes(out.resolve(RunFolder.BEST))).isEqualTo(expected);
  }
}
