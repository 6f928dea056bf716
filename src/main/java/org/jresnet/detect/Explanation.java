package org.jresnet.detect;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.data.RgbImage;
import org.jresnet.train.HeatMap;

/**
 * Why a network calls an image what it does.
 *
 * @param input the image as the network sees it, at the input size
 * @param label the class that is explained: the most probable one
 * @param probability of that class, calibrated where the model is
 * @param logOdds of that class, uncalibrated: its logit less the log-sum-exp of the others, for two
 *     classes their difference
 * @param map Grad-CAM of the class's logit
 * @param bands what the removal of each band does
 */
public record Explanation(
    RgbImage input,
    String label,
    double probability,
    double logOdds,
    HeatMap map,
    List<BandEffect> bands) {
  /**
   * The class without a band of frequencies.
   *
   * @param band what is removed
   * @param logOdds of the class then
   * @param probability of the class then
   */
  public record BandEffect(BandOcclusion.Band band, double logOdds, double probability) {}

  /** Copies the list. */
  public Explanation {
    bands = List.copyOf(bands);
  }

  /** The band whose removal takes most away from the class. */
  public BandEffect strongest() {
    BandEffect strongest = bands.get(0);
    for (BandEffect effect : bands) {
      strongest = effect.logOdds < strongest.logOdds ? effect : strongest;
    }
    return strongest;
  }

  /**
   * As JSON. {@code class}, {@code probability}, {@code log_odds}; {@code layer}, the node of the
   * map; {@code map}, its rows of values from 0; {@code peak}, the centre of its largest cell as
   * {@code x} and {@code y} between 0 and 1 from the upper left corner; {@code bands}, from coarse
   * to fine: {@code from} and {@code to} in cycles per pixel, and {@code log_odds}, {@code
   * log_odds_change} and {@code probability} of the class without the band.
   */
  public Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("class", label);
    values.put("probability", probability);
    values.put("log_odds", logOdds);
    values.put("layer", map.node());
    List<float[]> rows = new ArrayList<>();
    for (int y = 0; y < map.height(); y++) {
      rows.add(Arrays.copyOfRange(map.values(), y * map.width(), (y + 1) * map.width()));
    }
    values.put("map", rows);
    Map<String, Object> peak = new LinkedHashMap<>();
    peak.put("x", (map.peak() % map.width() + 0.5) / map.width());
    peak.put("y", (map.peak() / map.width() + 0.5) / map.height());
    values.put("peak", peak);
    values.put("bands", bands.stream().map(this::values).toList());
    return values;
  }

  private Map<String, Object> values(BandEffect effect) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("from", effect.band().from());
    values.put("to", effect.band().to());
    values.put("log_odds", effect.logOdds());
    values.put("log_odds_change", effect.logOdds() - logOdds);
    values.put("probability", effect.probability());
    return values;
  }
}
