package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jresnet.backend.ForwardingBackend;
import org.jresnet.backend.InputOp;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Tensor;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Backends;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.Shape;
import org.jresnet.models.Architecture;
import org.jresnet.testing.SmallModel;
import org.jresnet.weights.ModelInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several images at once have what each of them has alone. */
final class BatchPredictorTest {
  private static final int SIZE = 32;

  @TempDir Path folder;

  private Classifier open() {
    return Classifier.open(
        SmallModel.write(folder.resolve("m.safetensors"), SIZE, 1),
        BackendKind.CPU,
        Precision.FP32);
  }

  private static List<RgbImage> inputs(int count) {
    Random random = new Random(3);
    List<RgbImage> images = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      byte[] rgb = new byte[SIZE * SIZE * 3];
      random.nextBytes(rgb);
      images.add(new RgbImage(SIZE, SIZE, rgb));
    }
    return images;
  }

  @Test
  void oneImageIsThatOfPredictToTheBit() {
    try (Classifier classifier = open();
        BatchPredictor batches = classifier.batches(8)) {
      for (RgbImage image : inputs(3)) {
        Prediction p = batches.predict(List.of(image)).get(0);
        assertThat(p.logits()).isEqualTo(classifier.predict(image).logits());
        assertThat(p.probabilities()).isEqualTo(classifier.predict(image).probabilities());
      }
    }
  }

  @Test
  void aFullBatchIsThatOfItsSizeToTheBitAndOfOneImageWithinRounding() {
    try (Classifier classifier = open();
        BatchPredictor batches = classifier.batches(4);
        Executable four = classifier.compile(4)) {
      List<RgbImage> images = inputs(4);
      byte[] pixels = new byte[4 * SIZE * SIZE * 3];
      for (int i = 0; i < 4; i++) {
        System.arraycopy(images.get(i).rgb(), 0, pixels, i * SIZE * SIZE * 3, SIZE * SIZE * 3);
      }
      float[] expected = four.infer(pixels);
      List<Prediction> found = batches.predict(images);
      for (int i = 0; i < 4; i++) {
        double[] alone = classifier.predict(images.get(i)).logits();
        for (int k = 0; k < alone.length; k++) {
          assertThat(found.get(i).logits()[k]).isEqualTo(expected[i * alone.length + k]);
          assertThat(found.get(i).logits()[k])
              .isCloseTo(alone[k], within(1e-5 * Math.max(1, Math.abs(alone[k]))));
        }
      }
    }
  }

  @Test
  void aNumberThatFillsNoBatchHasTheSameAnswersInOrder() {
    try (Classifier classifier = open();
        BatchPredictor batches = classifier.batches(4)) {
      List<RgbImage> images = inputs(11);
      List<Prediction> found = batches.predict(images);
      assertThat(found).hasSize(11);
      for (int i = 0; i < 11; i++) {
        double alone = classifier.predict(images.get(i)).logits()[0];
        assertThat(found.get(i).logits()[0])
            .as("image %d", i)
            .isCloseTo(alone, within(1e-5 * Math.max(1, Math.abs(alone))));
      }
      assertThat(found.get(0).logits()[0]).isNotEqualTo(found.get(1).logits()[0]);
    }
  }

  /** The CPU, noting when the pixels of a pass are brought in. */
  private static final class Noting extends ForwardingBackend {
    final List<String> notes = new ArrayList<>();

    Noting() {
      super(Backends.open("cpu"));
    }

    @Override
    public InputOp input(Shape shape, Normalization normalization, Tensor y) {
      InputOp op = super.input(shape, normalization, y);
      return new InputOp() {
        @Override
        public void load(byte[] pixels) {
          notes.add("copy");
          op.load(pixels);
        }

        @Override
        public void run() {
          notes.add("pass");
          op.run();
        }

        @Override
        public void close() {
          op.close();
        }
      };
    }
  }

  /** On a GPU a pass is under way from its start until its results are asked for. */
  @Test
  void theNextImagesAreBroughtInWhileTheLastOnesAreComputed() {
    ModelInfo info;
    try (Classifier classifier = open()) {
      info = classifier.info();
    }
    try (Noting backend = new Noting();
        Model model =
            new Model(
                Architecture.of("resnet18").graph(info.classes().size(), 4),
                backend,
                Precision.FP32)) {
      model.initialize(5, Model.BlockEnd.ONE);
      try (Classifier classifier = Classifier.of(model, info);
          BatchPredictor batches = classifier.batches(1)) {
        backend.notes.clear();
        batches.each(
            List.of(inputs(1), inputs(1), inputs(1)).iterator(),
            results -> backend.notes.add("results"));
        assertThat(backend.notes)
            .containsExactly(
                "copy", "pass", "copy", "results", "pass", "copy", "results", "pass", "results");
      }
    }
  }

  @Test
  void numbersAreDividedBetweenSizesSoThatLessThanHalfIsPadding() {
    assertThat(BatchPredictor.sizes(16)).containsExactly(16, 4, 1);
    assertThat(BatchPredictor.sizes(8)).containsExactly(8, 4, 1);
    assertThat(BatchPredictor.sizes(3)).containsExactly(3, 1);
    assertThat(BatchPredictor.sizes(1)).containsExactly(1);
    List<Integer> sizes = List.of(16, 4, 1);
    assertThat(BatchPredictor.next(40, sizes)).isEqualTo(16);
    assertThat(BatchPredictor.next(9, sizes)).isEqualTo(16);
    assertThat(BatchPredictor.next(8, sizes)).isEqualTo(4);
    assertThat(BatchPredictor.next(3, sizes)).isEqualTo(4);
    assertThat(BatchPredictor.next(2, sizes)).isEqualTo(1);
  }

  @Test
  void anImageOfAnotherSizeIsRefused() {
    try (Classifier classifier = open();
        BatchPredictor batches = classifier.batches(2)) {
      assertThatThrownBy(() -> batches.predict(List.of(new RgbImage(8, 8, new byte[192]))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("192 bytes, the network's input 3072");
    }
  }

  @Test
  void bytesAndFilesBecomeTheInputThatPredictMakes() throws Exception {
    Path image =
        Path.of(BatchPredictorTest.class.getResource("/fixtures/images/jpeg-420-5x33.jpg").toURI());
    Preprocess preprocess = new Preprocess(SIZE, Preprocess.Mode.CROP);
    byte[] expected = preprocess.apply(ImageDecoder.decode(image)).rgb();
    assertThat(ImageDecoder.input(image, preprocess).pixels().rgb()).isEqualTo(expected);
    assertThat(
            ImageDecoder.input(Path.of("sent"), Files.readAllBytes(image), preprocess)
                .pixels()
                .rgb())
        .isEqualTo(expected);
  }
}
