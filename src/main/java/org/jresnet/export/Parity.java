package org.jresnet.export;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;
import org.jresnet.backend.Precision;
import org.jresnet.base.Digests;
import org.jresnet.base.Interpolation;
import org.jresnet.data.Resize;
import org.jresnet.data.drawn.ForensicFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.train.Classifier;
import org.jresnet.train.LoadedModel;

/**
 * What an exported file computes beside its model: the file is read back, and both networks compute
 * the logits of drawn faces in single precision. The roundings of the weights are in it, those that
 * a runtime adds to activations in fp16 or int8 are not.
 *
 * @param images what they are
 * @param sha256 of their RGB bytes, NHWC
 * @param logits of the model, by image
 * @param largestDifference between a logit of the model and the same of the file
 */
public record Parity(
    String images, String sha256, List<List<Float>> logits, double largestDifference) {
  private static final int SEED = 7;
  private static final int SIDE = 256;
  private static final List<ForensicFaces.Kind> KINDS =
      List.of(ForensicFaces.Kind.CAMERA, ForensicFaces.Kind.TRANSPOSED);

  /** Copies the lists. */
  public Parity {
    logits = logits.stream().map(List::copyOf).toList();
  }

  /** Compares a model with its file. */
  static Parity of(LoadedModel model, LoadedModel readBack) {
    int size = model.preprocess().size();
    byte[] pixels = faces(size);
    float[] expected = logits(model, pixels);
    float[] found = logits(readBack.withPreprocess(model.preprocess()), pixels);
    double difference = 0;
    for (int i = 0; i < expected.length; i++) {
      // A difference that is no number is one, too.
      double d = Math.abs(expected[i] - (double) found[i]);
      difference = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(difference, d);
    }
    int classes = expected.length / KINDS.size();
    return new Parity(
        "%d drawn faces, seed %d, %dx%d".formatted(KINDS.size(), SEED, size, size),
        HexFormat.of().formatHex(Digests.sha256().digest(pixels)),
        IntStream.range(0, KINDS.size())
            .mapToObj(i -> list(Arrays.copyOfRange(expected, i * classes, (i + 1) * classes)))
            .toList(),
        difference);
  }

  /** The largest magnitude among the logits. */
  public double largestLogit() {
    return logits.stream().flatMap(List::stream).mapToDouble(Math::abs).max().orElse(0);
  }

  private static List<Float> list(float[] values) {
    return IntStream.range(0, values.length).mapToObj(i -> values[i]).toList();
  }

  /** One as a camera sees it, and the same as a generator makes it. */
  private static byte[] faces(int size) {
    ForensicFaces faces = new ForensicFaces(SIDE, SEED);
    byte[] pixels = new byte[KINDS.size() * size * size * 3];
    for (int i = 0; i < KINDS.size(); i++) {
      byte[] rgb =
          Resize.exactly(faces.draw(KINDS.get(i), 0), size, size, Interpolation.BILINEAR).rgb();
      System.arraycopy(rgb, 0, pixels, i * rgb.length, rgb.length);
    }
    return pixels;
  }

  private static float[] logits(LoadedModel model, byte[] pixels) {
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Classifier classifier = Classifier.open(model, compute, note -> {});
        Executable executable = classifier.compile(KINDS.size())) {
      return executable.infer(pixels).clone();
    }
  }
}
