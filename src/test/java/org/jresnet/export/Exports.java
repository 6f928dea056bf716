package org.jresnet.export;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Precision;
import org.jresnet.base.Interpolation;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Resize;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Calibration;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.models.Architecture;
import org.jresnet.testing.SeededWeights;
import org.jresnet.train.Classifier;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.ModelInfo;

/** Drawn faces and networks with seeded weights, for tests of exported files. */
final class Exports {
  static final int SIZE = 64;
  static final int IMAGES = 4;

  /** Networks above this many parameters are tested at a quarter of their width. */
  private static final long LARGE = 12_000_000;

  /** One network of each form; the others repeat their blocks more often, or wider. */
  private static final List<String> FORMS =
      List.of(
          "resnet18",
          "resnet50",
          "resnext50_32x4d",
          "mobilenet_v2",
          "mobilenet_v3_small",
          "shufflenet_v2_x0_5",
          "efficientnet_b0",
          "efficientnet_v2_s",
          "regnet_y_400mf");

  /** Forms of a ResNet's blocks; int8 has neither concatenation nor norms without convolution. */
  private static final List<String> VARIANTS =
      List.of("resnet18:shortcut=A,stochastic-depth=0.1", "resnet50:preact", "resnet18:plain");

  private final byte[] pixels;

  Exports(Path faces) throws IOException, BadImageException {
    DrawnFaces.write(faces, new DrawnFaces.Options(IMAGES / 2, SIZE, 3), done -> {});
    pixels = new byte[IMAGES * SIZE * SIZE * 3];
    List<Path> files;
    try (Stream<Path> all = Files.walk(faces)) {
      files = all.filter(f -> f.toString().endsWith(".jpg")).sorted().toList();
    }
    assertThat(files).hasSize(IMAGES);
    for (int i = 0; i < IMAGES; i++) {
      byte[] rgb =
          Resize.exactly(
                  ImageDecoder.decode(files.get(i), ImageDecoder.Options.DEFAULT),
                  SIZE,
                  SIZE,
                  Interpolation.BILINEAR)
              .rgb();
      System.arraycopy(rgb, 0, pixels, i * rgb.length, rgb.length);
    }
  }

  static List<Architecture> forms() {
    return FORMS.stream().map(Architecture::of).toList();
  }

  static List<Architecture> variants() {
    return VARIANTS.stream().map(Architecture::of).toList();
  }

  static Preprocess preprocess() {
    return new Preprocess(SIZE, Preprocess.Mode.STRETCH);
  }

  /** A network with seeded weights in a file. */
  static LoadedModel model(Architecture network, Path file) {
    int width = network.parameterCount() > LARGE ? network.width() / 4 : network.width();
    ModelInfo info =
        ModelFiles.info(network, width, List.of("camera", "generated", "neither"), preprocess());
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Model model = new Model(network.graph(3, width), compute.backend(), Precision.FP32)) {
      new SeededWeights(11, SeededWeights.Filters.FAN_IN).into(model);
      ModelFiles.save(model, info, file);
    }
    return ModelFiles.open(file, Optional.empty());
  }

  float[] logits(LoadedModel loaded) {
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Classifier classifier = Classifier.open(loaded, compute, note -> {});
        Executable executable = classifier.compile(IMAGES)) {
      return executable.infer(pixels).clone();
    }
  }

  /** Normalised as torch does it, NCHW. */
  float[] normalized(Normalization normalization) {
    float[] images = new float[pixels.length];
    int plane = SIZE * SIZE;
    for (int i = 0; i < IMAGES; i++) {
      for (int p = 0; p < plane; p++) {
        for (int c = 0; c < 3; c++) {
          int pixel = pixels[(i * plane + p) * 3 + c] & 255;
          images[(i * 3 + c) * plane + p] = normalization.apply(c, pixel);
        }
      }
    }
    return images;
  }

  /** The largest difference, relative to the largest value that was expected. */
  static double error(float[] found, float[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    double largest = 0;
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      assertThat(Float.isFinite(expected[i])).isTrue();
      largest = Math.max(largest, Math.abs(expected[i]));
      worst = Math.max(worst, Math.abs(found[i] - (double) expected[i]));
    }
    assertThat(largest).isPositive();
    return worst / largest;
  }

  /** The same with the ranges that int8 needs, measured on the faces. */
  LoadedModel calibrated(Architecture network, Path file) {
    LoadedModel loaded = model(network, file);
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Classifier classifier = Classifier.open(loaded, compute, note -> {});
        Calibration calibration =
            new Calibration(
                classifier.model(), IMAGES, SIZE, ModelFiles.normalization(loaded.info()))) {
      calibration.add(pixels, IMAGES);
      return loaded.withInfo(loaded.info().withRanges(calibration.ranges()));
    }
  }

  /** The faces, NHWC. */
  byte[] pixels() {
    return pixels;
  }

  static float[] softmax(float[] logits) {
    float[] probabilities = new float[logits.length];
    int classes = logits.length / IMAGES;
    for (int i = 0; i < IMAGES; i++) {
      double sum = 0;
      for (int k = 0; k < classes; k++) {
        sum += Math.exp(logits[i * classes + k]);
      }
      for (int k = 0; k < classes; k++) {
        probabilities[i * classes + k] = (float) (Math.exp(logits[i * classes + k]) / sum);
      }
    }
    return probabilities;
  }
}
