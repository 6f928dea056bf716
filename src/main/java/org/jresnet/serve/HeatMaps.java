package org.jresnet.serve;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Precision;
import org.jresnet.base.Closing;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.Compute;
import org.jresnet.train.Classifier;
import org.jresnet.train.HeatMap;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.Taps;

/**
 * Grad-CAM at the last stage of a model, compiled once. Gradients are computed in fp32, whatever
 * the precision of predictions; on the reference backend in its own.
 */
final class HeatMaps implements AutoCloseable {
  private final List<AutoCloseable> owned = new ArrayList<>();
  private final String stage;
  private final Taps taps;
  private final List<String> classes;

  HeatMaps(LoadedModel loaded, Compute compute) {
    Precision precision = compute.precision() == Precision.FP64 ? Precision.FP64 : Precision.FP32;
    Classifier classifier = Classifier.open(loaded, compute, precision, note -> {});
    owned.add(classifier);
    try {
      classes = classifier.classes();
      stage = classifier.lastStage();
      taps = classifier.tap(stage);
      owned.add(taps);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** What each place contributes to a class; the image has the size of the network's input. */
  HeatMap of(RgbImage input, String label) {
    taps.forwardInput(input);
    float[] seed = new float[classes.size()];
    seed[classes.indexOf(label)] = 1;
    taps.backward(seed);
    return taps.gradCam(stage);
  }

  /**
   * A map for clients: values from 0 to 1, row by row, and the rectangle of the image that they
   * cover, in shares of its width and height.
   *
   * @param input the image that it is of
   */
  static Map<String, Object> values(
      HeatMap map, String label, ImageDecoder.Input input, Preprocess preprocess) {
    float largest = map.largest();
    List<Double> shares = new ArrayList<>(map.values().length);
    for (float value : map.values()) {
      shares.add(largest == 0 ? 0 : Math.round(1e3 * value / largest) / 1e3);
    }
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("class", label);
    values.put("rows", map.height());
    values.put("columns", map.width());
    values.put("values", shares);
    values.put("box", preprocess.shown(input.width(), input.height()));
    return values;
  }

  @Override
  public void close() {
    Closing.closeAll(owned);
    owned.clear();
  }
}
