package org.jresnet.detect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Random;
import org.jresnet.data.RgbImage;
import org.jresnet.metrics.CosineTransform;
import org.junit.jupiter.api.Test;

final class BandOcclusionTest {
  private static final int HEIGHT = 40;
  private static final int WIDTH = 56;

  @Test
  void theTransformComesBackAndKeepsTheEnergy() {
    CosineTransform transform = new CosineTransform(5, 7);
    double[] plane = new Random(1).doubles(35, -3, 3).toArray();
    double[] coefficients = transform.forward(plane);
    double[] back = transform.inverse(coefficients);
    double energy = 0;
    double kept = 0;
    for (int i = 0; i < plane.length; i++) {
      assertThat(back[i]).isCloseTo(plane[i], within(1e-12));
      energy += plane[i] * plane[i];
      kept += coefficients[i] * coefficients[i];
    }
    assertThat(kept).isCloseTo(energy, within(1e-9));
    // The definition at one coefficient, (2, 3).
    double sum = 0;
    for (int y = 0; y < 5; y++) {
      for (int x = 0; x < 7; x++) {
        sum +=
            plane[y * 7 + x]
                * Math.cos(Math.PI * (y + 0.5) * 2 / 5)
                * Math.cos(Math.PI * (x + 0.5) * 3 / 7);
      }
    }
    assertThat(coefficients[2 * 7 + 3]).isCloseTo(2 / Math.sqrt(35) * sum, within(1e-12));
  }

  @Test
  void theMasksAddUpToOneAndEachHasItsBand() {
    List<BandOcclusion.Band> bands = BandOcclusion.bands();
    for (double f = 0; f <= 0.7072; f += 0.003) {
      double sum = 0;
      int strongest = 0;
      for (int b = 0; b < bands.size(); b++) {
        double mask = BandOcclusion.mask(b, f);
        sum += mask;
        strongest = mask > BandOcclusion.mask(strongest, f) ? b : strongest;
      }
      assertThat(sum).as("at %s", f).isCloseTo(1, within(1e-12));
      assertThat(f).isBetween(bands.get(strongest).from(), bands.get(strongest).to());
    }
  }

  @Test
  void aWaveGoesWithItsBandAlone() {
    byte[] rgb = new byte[HEIGHT * WIDTH * 3];
    // 22 half waves in 40 rows: 0.275 cycles per pixel, band 4 of width 1/16.
    for (int i = 0; i < rgb.length; i++) {
      double wave = Math.cos(Math.PI * (i / 3 / WIDTH + 0.5) * 22 / HEIGHT);
      rgb[i] = (byte) Math.round(100 + 60 * wave);
    }
    List<RgbImage> without =
        new BandOcclusion(HEIGHT, WIDTH).without(new RgbImage(WIDTH, HEIGHT, rgb));
    assertThat(without).hasSize(BandOcclusion.BANDS);
    for (int b = 0; b < without.size(); b++) {
      double deviation = deviation(without.get(b));
      if (b == 4) {
        assertThat(deviation).isLessThan(3);
      } else {
        assertThat(deviation).as("band %s", b).isGreaterThan(60 / Math.sqrt(2) - 3);
      }
    }
  }

  private static double deviation(RgbImage image) {
    double sum = 0;
    double squares = 0;
    for (byte value : image.rgb()) {
      sum += value & 255;
      squares += (value & 255) * (value & 255);
    }
    double mean = sum / image.rgb().length;
    assertThat(mean).isCloseTo(100, within(0.5));
    return Math.sqrt(squares / image.rgb().length - mean * mean);
  }
}
