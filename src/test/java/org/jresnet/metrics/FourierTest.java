package org.jresnet.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class FourierTest {
  /** Against the sum that defines it. */
  @Test
  void transformIsTheSum() {
    int n = 8;
    SplittableRandom random = new SplittableRandom(1);
    double[] re = random.doubles(n * n).toArray();
    double[] im = random.doubles(n * n).toArray();
    double[] fRe = re.clone();
    double[] fIm = im.clone();
    Fourier fourier = new Fourier(n);
    fourier.forward(fRe, fIm);
    for (int v = 0; v < n; v++) {
      for (int u = 0; u < n; u++) {
        double real = 0;
        double imaginary = 0;
        for (int y = 0; y < n; y++) {
          for (int x = 0; x < n; x++) {
            double angle = -2 * Math.PI * (v * y + u * x) / n;
            real += re[y * n + x] * Math.cos(angle) - im[y * n + x] * Math.sin(angle);
            imaginary += re[y * n + x] * Math.sin(angle) + im[y * n + x] * Math.cos(angle);
          }
        }
        assertThat(fRe[v * n + u]).isCloseTo(real, within(1e-12));
        assertThat(fIm[v * n + u]).isCloseTo(imaginary, within(1e-12));
      }
    }
    fourier.inverse(fRe, fIm);
    assertThat(fRe).containsExactly(re, within(1e-14));
    assertThat(fIm).containsExactly(im, within(1e-14));
    assertThatThrownBy(() -> new Fourier(12)).hasMessageContaining("power of two");
  }

  @Test
  void whiteNoiseHasTheSamePowerEverywhere() {
    SplittableRandom random = new SplittableRandom(2);
    RadialSpectrum spectrum = new RadialSpectrum(64);
    double[] mean = new double[RadialSpectrum.BANDS];
    int images = 400;
    for (int i = 0; i < images; i++) {
      double[] noise = new double[64 * 64];
      for (int k = 0; k < noise.length; k++) {
        noise[k] = 5 + random.nextGaussian();
      }
      double[] bands = spectrum.of(noise);
      for (int b = 0; b < bands.length; b++) {
        mean[b] += bands[b] / images;
      }
    }
    // The lowest band has lost the mean; the next few hold few independent frequencies (the window
    // joins neighbours), and the mean of logarithms lies about 0.22 by their number too low.
    for (int b = 8; b < mean.length; b++) {
      assertThat(mean[b]).as("band %d", b).isCloseTo(0, within(0.03));
    }
  }

  @Test
  void waveStandsInItsBand() {
    int n = 128;
    double[] wave = new double[n * n];
    double frequency = 0.3;
    for (int i = 0; i < wave.length; i++) {
      wave[i] = Math.sin(2 * Math.PI * frequency * (0.6 * (i % n) + 0.8 * (i / n)));
    }
    double[] bands = new RadialSpectrum(n).of(wave);
    int strongest = 0;
    for (int b = 1; b < bands.length; b++) {
      strongest = bands[b] > bands[strongest] ? b : strongest;
    }
    assertThat(RadialSpectrum.frequency(strongest))
        .isCloseTo(frequency, within(0.5 / 2 / RadialSpectrum.BANDS + 1e-9));
  }

  @Test
  void everyBandOfTheSmallestSquareHoldsAFrequency() {
    int n = RadialSpectrum.LEAST_SIDE;
    double[] square = new SplittableRandom(3).doubles(n * n).toArray();
    for (double band : new RadialSpectrum(n).of(square)) {
      assertThat(band).isFinite();
    }
    assertThatThrownBy(() -> new RadialSpectrum(n / 2)).hasMessageContaining("at least " + n);
  }
}
