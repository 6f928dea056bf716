package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.weights.ModelInfo;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A classifier from a run, from a model, and its inside. */
final class ClassifierTest {
  private static final int SIZE = 32;
  private static final String NODE = "layer2.0.relu";

  @TempDir static Path folder;
  private static Path run;

  @BeforeAll
  static void train() {
    Path faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(20, SIZE, 3), done -> {});
    run = folder.resolve("run");
    Training.on(faces)
        .architecture("resnet18")
        .width(8)
        .size(SIZE)
        .epochs(2)
        .batch(8)
        .backend(BackendKind.CPU)
        .precision(Precision.FP32)
        .run(run);
  }

  private static Classifier open() {
    return Classifier.open(run, BackendKind.CPU, Precision.FP32);
  }

  private static List<Path> images() throws Exception {
    try (Stream<Path> files = Files.list(folder.resolve("faces").resolve(DrawnFaces.GENERATED))) {
      return files.sorted().toList();
    }
  }

  @Test
  void aFileAndItsPixelsHaveTheSameProbabilities() throws Exception {
    Path file = images().get(0);
    RgbImage pixels =
        org.jresnet.data.ImageDecoder.decode(file, org.jresnet.data.ImageDecoder.Options.DEFAULT);
    try (Classifier classifier = open()) {
      Prediction p = classifier.predict(file);
      assertThat(classifier.predict(pixels).probabilities()).isEqualTo(p.probabilities());
      assertThat(Arrays.stream(p.probabilities()).sum()).isCloseTo(1, within(1e-12));
      assertThat(p.probability(p.label())).isEqualTo(p.probability());
      assertThat(p.classes()).containsExactly(DrawnFaces.CAMERA, DrawnFaces.GENERATED);
      assertThatThrownBy(() -> p.probability("cat"))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("cat")
          .hasMessageContaining(DrawnFaces.CAMERA);
    }
  }

  @Test
  void anEvaluationCountsWhatPredictSays() throws Exception {
    try (Classifier classifier = open()) {
      int expected = 0;
      for (Path file : images()) {
        expected += classifier.predict(file).label().equals(DrawnFaces.GENERATED) ? 1 : 0;
      }
      Evaluation evaluation = classifier.evaluate(folder.resolve("faces"));
      assertThat(evaluation.images()).isEqualTo(40);
      int generated = evaluation.classes().indexOf(DrawnFaces.GENERATED);
      long found =
          evaluation.scored().stream()
              .filter(s -> s.sample().label() == generated && s.predicted() == generated)
              .count();
      assertThat(found).isEqualTo(expected);
    }
  }

  @Test
  void theTestSetIsOpenedAndCounted() throws Exception {
    Path copy = TinyRun.copy(run, folder.resolve("opened"));
    try (SealedTest test = SealedTest.of(copy);
        Classifier classifier = Classifier.open(copy, BackendKind.CPU, Precision.FP32)) {
      assertThat(test.openings()).isZero();
      assertThat(classifier.evaluate(test).images()).isEqualTo(6);
    }
    try (SealedTest test = SealedTest.of(copy)) {
      assertThat(test.openings()).isOne();
    }
  }

  @Test
  void aRunGoesOnByItsFolder() throws Exception {
    Path longer = TinyRun.copy(run, folder.resolve("longer"));
    List<String> notes = new ArrayList<>();
    Trainer.Outcome outcome =
        Training.resume(longer).epochs(3).run(longer, RunFolder.Existing.RESUME, notes::add);
    assertThat(outcome.end()).isEqualTo(Trainer.End.COMPLETED);
    assertThat(outcome.history()).hasSize(3);
    assertThat(notes).noneMatch(n -> n.contains("looked at"));
    assertThatThrownBy(() -> Training.resume(folder.resolve("faces")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("holds no run");
  }

  @Test
  void whatIsSavedOpensAgain() throws Exception {
    Path file = folder.resolve("saved.safetensors");
    Path image = images().get(1);
    try (Classifier classifier = open()) {
      classifier.save(file);
      Prediction p = classifier.predict(image);
      try (Classifier again = Classifier.open(file, BackendKind.CPU, Precision.FP32)) {
        assertThat(again.predict(image).probabilities()).isEqualTo(p.probabilities());
      }
    }
  }

  /** In double precision: the slope of a logit by a tapped node and by the image. */
  @Test
  void gradientsAreSlopes() {
    Graph graph = Architecture.of("resnet18").graph(3, 2);
    ModelInfo info =
        ModelFiles.info(
            Architecture.of("resnet18"),
            2,
            List.of("a", "b", "c"),
            new Preprocess(SIZE, Preprocess.Mode.STRETCH));
    byte[] pixels = new byte[SIZE * SIZE * 3];
    new Random(4).nextBytes(pixels);
    RgbImage image = new RgbImage(SIZE, SIZE, pixels);
    try (Compute compute = Compute.open(BackendKind.REFERENCE, Precision.FP64);
        Model model = compute.model(graph)) {
      model.initialize(5, Model.BlockEnd.ONE);
      Classifier classifier = Classifier.of(model, info);
      try (Taps taps = classifier.tap(NODE, "input", "fc")) {
        float[] before = taps.forward(image);
        assertThatThrownBy(() -> taps.gradient(NODE)).hasMessageContaining("forward makes no");
        taps.logit(image, "b");
        assertThat(taps.gradient("fc").values()).containsExactly(0, 1, 0);
        assertThat(taps.output("fc").values())
            .usingComparatorWithPrecision(1e-6f)
            .containsExactly(before);
        FeatureMap dx = taps.gradient("input");
        FeatureMap dy = taps.gradient(NODE);
        assertThat(dy.shape()).isEqualTo(taps.output(NODE).shape());
        assertThat(dy.values()).isNotEqualTo(new float[dy.values().length]);
        // The two neighbouring bytes of every tenth pixel: the slope between them.
        double std = info.std().get(0);
        int compared = 0;
        for (int at = 0; at < pixels.length; at += 30 * SIZE) {
          int value = pixels[at] & 255;
          if (value == 0 || value == 255) {
            continue;
          }
          pixels[at] = (byte) (value + 1);
          double up = taps.forward(image)[1];
          pixels[at] = (byte) (value - 1);
          double down = taps.forward(image)[1];
          pixels[at] = (byte) value;
          double slope = (up - down) / 2 * 255 * std;
          // Logits come as floats: their rounding, seen through the difference.
          assertThat((double) dx.values()[at])
              .isCloseTo(slope, within(1e-3 + 0.02 * Math.abs(slope)));
          compared++;
        }
        assertThat(compared).isGreaterThan(2);
        double loss = taps.loss(image, "c");
        double[] p = Evaluator.softmax(before, 0, 3);
        assertThat(loss).isCloseTo(-Math.log(p[2]), within(1e-6));
        float[] dlogits = taps.gradient("fc").values();
        assertThat((double) dlogits[0]).isCloseTo(p[0], within(1e-6));
        assertThat((double) dlogits[2]).isCloseTo(p[2] - 1, within(1e-6));
        taps.forward(image);
        taps.backward(new float[] {2, 0, -1});
        assertThat(taps.gradient("fc").values()).containsExactly(2, 0, -1);
      }
    }
  }

  @Test
  void whatDoesNotFitIsRefusedWithNames() {
    try (Classifier classifier = open()) {
      assertThatThrownBy(() -> classifier.tap("layer9"))
          .hasMessageContaining("no node named layer9");
      try (Taps taps = classifier.tap(NODE)) {
        RgbImage image = new RgbImage(2, 2, new byte[12]);
        assertThatThrownBy(() -> taps.logit(image, "cat"))
            .isInstanceOf(UserError.class)
            .hasMessageContaining("cat");
        taps.logit(image, DrawnFaces.CAMERA);
        assertThatThrownBy(() -> taps.gradient("fc")).hasMessageContaining("fc was not watched");
      }
    }
    assertThatThrownBy(() -> Classifier.open(folder))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(RunFolder.BEST);
    assertThat(ModelFiles.open(run, Optional.empty()).graph().name()).isEqualTo("resnet18");
  }
}
