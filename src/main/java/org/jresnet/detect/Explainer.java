package org.jresnet.detect;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jresnet.backend.Precision;
import org.jresnet.base.Closing;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.Compute;
import org.jresnet.train.Classifier;
import org.jresnet.train.Evaluator;
import org.jresnet.train.HeatMap;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.Taps;

/**
 * Explains verdicts in two ways: where in the image they come from (Grad-CAM), and which spatial
 * frequencies carry them ({@link BandOcclusion}). Used from one thread.
 */
public final class Explainer implements AutoCloseable {
  private final Classifier classifier;
  private final String layer;
  private final Taps taps;
  private final BandOcclusion occlusion;
  private final List<AutoCloseable> owned = new ArrayList<>();

  /**
   * Explains a classifier, which stays yours.
   *
   * @param layer the node whose output the map is made of; empty for the last stage
   * @throws UserError when the network has no such node
   */
  public Explainer(Classifier classifier, Optional<String> layer) {
    this.classifier = classifier;
    this.layer = layer.orElseGet(classifier::lastStage);
    try {
      taps = classifier.tap(this.layer);
    } catch (IllegalArgumentException e) {
      throw new UserError(
          Text.format("--layer: %s; ./jresnet summary lists the nodes of a model", e.getMessage()),
          e);
    }
    owned.add(taps);
    int size = classifier.preprocess().size();
    occlusion = new BandOcclusion(size, size);
  }

  /**
   * Opens a model for explanations on a backend that stays yours. Gradients are computed in fp32,
   * whatever the precision of predictions; on the reference backend in its own.
   */
  public static Explainer open(LoadedModel loaded, Compute compute, Optional<String> layer) {
    Precision precision = compute.precision() == Precision.FP64 ? Precision.FP64 : Precision.FP32;
    Classifier classifier = Classifier.open(loaded, compute, precision, note -> {});
    try {
      Explainer explainer = new Explainer(classifier, layer);
      explainer.owned.add(0, classifier);
      return explainer;
    } catch (RuntimeException e) {
      classifier.close();
      throw e;
    }
  }

  /** The node whose output the map is made of. */
  public String layer() {
    return layer;
  }

  /**
   * Explains the verdict on an image file.
   *
   * @throws BadImageException when it cannot be decoded
   */
  public Explanation explain(Path file) throws BadImageException {
    return explain(ImageDecoder.decode(file, classifier.preprocess().decoding()));
  }

  /** Explains the verdict on an image of any size. */
  public Explanation explain(RgbImage image) {
    Preprocess preprocess = classifier.preprocess();
    RgbImage input = preprocess.apply(image);
    float[] logits = taps.forwardInput(input);
    int label = Evaluator.best(logits, 0, logits.length);
    float[] seed = new float[logits.length];
    seed[label] = 1;
    taps.backward(seed);
    HeatMap map = taps.gradCam(layer);
    List<Explanation.BandEffect> effects = new ArrayList<>();
    List<BandOcclusion.Band> bands = BandOcclusion.bands();
    List<RgbImage> without = occlusion.without(input);
    for (int b = 0; b < bands.size(); b++) {
      float[] rest = taps.forwardInput(without.get(b));
      effects.add(
          new Explanation.BandEffect(bands.get(b), logOdds(rest, label), probability(rest, label)));
    }
    return new Explanation(
        input,
        classifier.classes().get(label),
        probability(logits, label),
        logOdds(logits, label),
        map,
        effects);
  }

  /**
   * What the log-odds of an explanation's class lose when a cell of the image is covered with the
   * image's mean colour (Zeiler and Fergus 2014, <a
   * href="https://arxiv.org/abs/1311.2901">arXiv:1311.2901</a>, section 4.2).
   *
   * @param cells rows and columns of the grid that is covered, one cell after the other
   * @return rows of losses; below 0 where the cell spoke against the class
   */
  public double[][] occlusion(Explanation explanation, int cells) {
    RgbImage input = explanation.input();
    int label = classifier.classes().indexOf(explanation.label());
    long[] sums = new long[3];
    for (int i = 0; i < input.rgb().length; i++) {
      sums[i % 3] += input.rgb()[i] & 0xff;
    }
    int pixels = input.width() * input.height();
    double[][] losses = new double[cells][cells];
    for (int row = 0; row < cells; row++) {
      for (int column = 0; column < cells; column++) {
        byte[] covered = input.rgb().clone();
        for (int y = row * input.height() / cells; y < (row + 1) * input.height() / cells; y++) {
          for (int x = column * input.width() / cells;
              x < (column + 1) * input.width() / cells;
              x++) {
            for (int c = 0; c < 3; c++) {
              covered[(y * input.width() + x) * 3 + c] = (byte) (sums[c] / pixels);
            }
          }
        }
        float[] logits = taps.forwardInput(new RgbImage(input.width(), input.height(), covered));
        losses[row][column] = explanation.logOdds() - logOdds(logits, label);
      }
    }
    return losses;
  }

  private static double logOdds(float[] logits, int label) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int k = 0; k < logits.length; k++) {
      largest = k == label ? largest : Math.max(largest, logits[k]);
    }
    double sum = 0;
    for (int k = 0; k < logits.length; k++) {
      sum += k == label ? 0 : Math.exp(logits[k] - largest);
    }
    return logits[label] - largest - Math.log(sum);
  }

  /** Calibrated where the model is, as that of a prediction. */
  private double probability(float[] logits, int label) {
    double[] own = new double[logits.length];
    for (int k = 0; k < own.length; k++) {
      own[k] = logits[k];
    }
    return classifier
        .calibration()
        .map(c -> c.temperature().probabilities(own))
        .orElseGet(() -> Evaluator.softmax(logits, 0, logits.length))[label];
  }

  @Override
  public void close() {
    Closing.closeAll(owned);
    owned.clear();
  }
}
