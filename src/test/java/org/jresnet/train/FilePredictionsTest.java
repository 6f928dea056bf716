package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jresnet.backend.Precision;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.testing.SmallModel;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A few hundred files, in order, with a few batches in memory. */
final class FilePredictionsTest {
  private static final int SIZE = 16;
  private static final int BATCH = 4;

  @TempDir static Path folder;
  private static Path model;
  private static List<Path> files;

  @BeforeAll
  static void draw() throws Exception {
    Path faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(150, 32, 3), done -> {});
    model = SmallModel.write(folder.resolve("m.safetensors"), SIZE, 1);
    files = new ArrayList<>(ImageFolder.images(List.of(faces)));
    Path broken = folder.resolve("broken.jpg");
    Files.writeString(broken, "no image");
    files.add(7, broken);
    files.add(100, folder.resolve("missing.jpg"));
  }

  @Test
  void everyFileHasItsPredictionInOrderAndFewAreInMemory() throws Exception {
    try (Classifier classifier = Classifier.open(model, BackendKind.CPU, Precision.FP32);
        BatchPredictor predictor = classifier.batches(BATCH)) {
      List<FilePredictions.Result> found = new ArrayList<>();
      int[] handedOut = {0};
      int[] most = {0};
      Iterator<Path> names =
          files.stream()
              .peek(
                  file -> {
                    handedOut[0]++;
                    most[0] = Math.max(most[0], handedOut[0] - found.size());
                  })
              .iterator();
      FilePredictions.each(names, predictor, classifier.preprocess(), 2, found::add);
      assertThat(found).extracting(FilePredictions.Result::file).isEqualTo(files);
      // The stream hands out one more than is asked for.
      assertThat(most[0]).isBetween(BATCH, 4 * BATCH + 2);
      for (int i = 0; i < files.size(); i++) {
        FilePredictions.Result result = found.get(i);
        if (i == 7 || i == 100) {
          assertThat(result.prediction()).isEmpty();
          assertThat(result.failure().orElseThrow())
              .hasMessageStartingWith(files.get(i).toString());
        } else {
          Prediction p = result.prediction().orElseThrow();
          assertThat(p.preprocessMillis()).isPositive();
          assertThat(p.inferenceMillis()).isPositive();
          if (i % 20 == 0) {
            double alone = classifier.predict(files.get(i)).logits()[1];
            assertThat(p.logits()[1])
                .as(files.get(i).toString())
                .isCloseTo(alone, within(1e-5 * Math.max(1, Math.abs(alone))));
          }
        }
      }
      assertThat(found.get(0).prediction().orElseThrow().logits())
          .isNotEqualTo(found.get(1).prediction().orElseThrow().logits());
    }
  }

  @Test
  void whatTheReceiverThrowsEndsTheWork() {
    try (Classifier classifier = Classifier.open(model, BackendKind.CPU, Precision.FP32);
        BatchPredictor predictor = classifier.batches(BATCH)) {
      int[] seen = {0};
      assertThatThrownBy(
              () ->
                  FilePredictions.each(
                      files.iterator(),
                      predictor,
                      classifier.preprocess(),
                      2,
                      result -> {
                        if (++seen[0] == 9) {
                          throw new IllegalStateException("enough");
                        }
                      }))
          .hasMessage("enough");
      assertThat(seen[0]).isEqualTo(9);
    }
  }
}
