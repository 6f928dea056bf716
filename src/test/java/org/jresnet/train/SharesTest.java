package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jresnet.backend.Precision;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Sample;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.data.shards.TestShards;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.SharedError;
import org.jresnet.distributed.Solo;
import org.jresnet.distributed.ThreadRanks;
import org.jresnet.engine.BackendKind;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** An evaluation that ranks share, beside one process. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class SharesTest {
  private Path run;
  private Path other;
  private Path faces;

  @BeforeAll
  void train(@TempDir Path folder) throws IOException {
    faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(20, 32, 4), done -> {});
    run = folder.resolve("run");
    TinyRun.start(TinyRun.options(faces, 1), run, RunFolder.Existing.REFUSE, new TinyRun.Notes());
    other = folder.resolve("other");
    TinyRun.start(
        TinyRun.options(faces, 1).change().seed(6).options(),
        other,
        RunFolder.Existing.REFUSE,
        new TinyRun.Notes());
    Files.writeString(faces.resolve("camera/broken.jpg"), "no image");
  }

  private static Evaluation evaluate(Path model, List<Sample> samples, Communicator ranks) {
    try (Classifier classifier = Classifier.open(model, BackendKind.CPU, Precision.FP32)) {
      return classifier.evaluate(
          samples,
          new Evaluator.Labels(classifier.classes(), ""),
          4,
          new Evaluator.LoaderOptions(classifier.preprocess(), 1, BadImages.SKIP).sharedBy(ranks),
          done -> {});
    }
  }

  private static List<String> lines(Evaluation e) {
    List<String> lines = new ArrayList<>();
    e.scored()
        .forEach(s -> lines.add(s.sample().id() + " " + List.of(s.logits()[0], s.logits()[1])));
    lines.addAll(e.badImages().values());
    return lines;
  }

  @Test
  void allRanksGetWhatOneProcessFinds() {
    List<Sample> samples = ImageFolder.scan(faces).samples();
    List<String> alone = lines(evaluate(run, samples, Solo.INSTANCE));
    assertThat(alone).hasSize(41);
    for (int size : List.of(2, 3)) {
      List<Evaluation> found = ThreadRanks.run(size, rank -> evaluate(run, samples, rank));
      assertThat(found).hasSize(size);
      found.forEach(e -> assertThat(lines(e)).isEqualTo(alone));
    }
  }

  @Test
  void shardsAreShared(@TempDir Path folder) throws IOException {
    List<Sample> samples = ImageFolder.scan(TestShards.pack(faces, folder.resolve("s"))).samples();
    List<String> alone = lines(evaluate(run, samples, Solo.INSTANCE));
    assertThat(alone).hasSize(41);
    ThreadRanks.run(2, rank -> evaluate(run, samples, rank))
        .forEach(e -> assertThat(lines(e)).isEqualTo(alone));
  }

  @Test
  void ranksThatEvaluateOtherThingsAreNamed() {
    List<Sample> samples = ImageFolder.scan(faces).samples();
    assertThatThrownBy(
            () ->
                ThreadRanks.run(3, rank -> evaluate(rank.rank() == 2 ? other : run, samples, rank)))
        .isInstanceOf(SharedError.class)
        .hasMessageContaining("the weights must be the same on all ranks; other than rank 0:")
        .hasMessageContaining("rank 2")
        .hasMessageNotContaining("rank 1");
    assertThatThrownBy(
            () ->
                ThreadRanks.run(
                    2, rank -> evaluate(run, samples.subList(rank.rank(), samples.size()), rank)))
        .isInstanceOf(SharedError.class)
        .hasMessageContaining("the list of images must be the same on all ranks");
    assertThatThrownBy(() -> ThreadRanks.run(3, rank -> evaluate(run, samples.subList(0, 2), rank)))
        .isInstanceOf(SharedError.class)
        .hasMessageContaining("there are 3 ranks and only 2 images");
  }

  /** A rank may have nothing but images that cannot be decoded; all together may not. */
  @Test
  void onlyBadImagesOnOneRankAreNoError() {
    List<Sample> samples = ImageFolder.scan(faces).samples();
    Sample bad =
        samples.stream().filter(s -> s.id().equals("camera/broken.jpg")).findFirst().orElseThrow();
    List<Sample> two = List.of(samples.get(0), bad);
    List<Evaluation> found = ThreadRanks.run(2, rank -> evaluate(run, two, rank));
    found.forEach(e -> assertThat(e.images()).isEqualTo(1));
    assertThatThrownBy(() -> ThreadRanks.run(2, rank -> evaluate(run, List.of(bad, bad), rank)))
        .hasMessageContaining("none of the 2 images could be decoded");
  }
}
