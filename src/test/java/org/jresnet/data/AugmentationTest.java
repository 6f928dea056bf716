package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation.Blur;
import org.jresnet.data.Augmentation.Crop;
import org.jresnet.data.Augmentation.Jpeg;
import org.jresnet.data.Augmentation.Range;
import org.jresnet.data.Preprocess.Mode;
import org.junit.jupiter.api.Test;

/** Each change does what it says, and the seed alone decides. */
class AugmentationTest {
  private static final Preprocess SIZE = new Preprocess(48, Mode.STRETCH);
  private final RgbImage image = Goldens.noise(90, 70, 3);

  private RgbImage apply(Augmentation augmentation, long index) {
    return augmentation.apply(image, SIZE, RandomStreams.of(1, "augment", 0, index));
  }

  @Test
  void noneIsThePlainResize() {
    assertThat(apply(Augmentation.NONE, 0).rgb()).isEqualTo(SIZE.apply(image).rgb());
  }

  @Test
  void flip() {
    RgbImage plain = SIZE.apply(image);
    assertThat(apply(new Augmentation(1, 1, 0, 0), 0).rgb())
        .isEqualTo(plain.flipHorizontally().rgb());
    int flipped = 0;
    for (int i = 0; i < 200; i++) {
      byte[] rgb = apply(new Augmentation(0.25, 1, 0, 0), i).rgb();
      flipped += java.util.Arrays.equals(rgb, plain.rgb()) ? 0 : 1;
    }
    assertThat(flipped).isBetween(30, 70);
  }

  @Test
  void streamsDecideAlone() {
    Augmentation all = new Augmentation(0.5, 0.3, 0.5, 0.5);
    for (int i = 0; i < 10; i++) {
      assertThat(apply(all, i).rgb()).isEqualTo(apply(all, i).rgb());
    }
    assertThat(apply(all, 1).rgb()).isNotEqualTo(apply(all, 2).rgb());
    assertThat(RandomStreams.of(1, "a", 2, 3).nextLong())
        .isNotEqualTo(RandomStreams.of(1, "a", 3, 2).nextLong())
        .isNotEqualTo(RandomStreams.of(1, "b", 2, 3).nextLong())
        .isNotEqualTo(RandomStreams.of(2, "a", 2, 3).nextLong());
  }

  /** An image whose red is x and green is y shows which rectangle was kept. */
  @Test
  void cropKeepsAreaAndRatio() {
    byte[] rgb = new byte[200 * 200 * 3];
    for (int i = 0; i < 200 * 200; i++) {
      rgb[i * 3] = (byte) (i % 200);
      rgb[i * 3 + 1] = (byte) (i / 200);
    }
    RgbImage ramp = new RgbImage(200, 200, rgb);
    Augmentation crop =
        new Augmentation(
            0,
            new Crop(new Range(0.2, 0.4), new Range(0.75, 4.0 / 3)),
            new Jpeg(0, Jpeg.DEFAULT_QUALITY),
            new Blur(0, Blur.DEFAULT_SIGMA));
    double least = 1;
    double most = 0;
    for (int i = 0; i < 200; i++) {
      byte[] out = crop.apply(ramp, SIZE, RandomStreams.of(4, "augment", i)).rgb();
      int last = (48 * 48 - 1) * 3;
      // Between the centres of the outermost of 48 output pixels lie 47/48 of the side.
      double width = ((out[last] & 255) - (out[0] & 255)) * 48 / 47.0;
      double height = ((out[last + 1] & 255) - (out[1] & 255)) * 48 / 47.0;
      double area = width * height / 40000;
      assertThat(area).isBetween(0.18, 0.43);
      assertThat(width / height).isBetween(0.70, 1.42);
      least = Math.min(least, area);
      most = Math.max(most, area);
    }
    assertThat(least).isLessThan(0.24);
    assertThat(most).isGreaterThan(0.36);
  }

  /** No rectangle of that ratio fits: torchvision takes the largest centred one. */
  @Test
  void cropFallsBackToTheMiddle() {
    RgbImage flat = Goldens.noise(400, 10, 2);
    Augmentation crop =
        new Augmentation(
            0,
            new Crop(new Range(0.9, 1), new Range(0.75, 1.5)),
            new Jpeg(0, Jpeg.DEFAULT_QUALITY),
            new Blur(0, Blur.DEFAULT_SIGMA));
    assertThat(crop.apply(flat, SIZE, RandomStreams.of(4, "augment")).rgb())
        .isEqualTo(Resize.bilinear(flat.crop(192, 0, 15, 10), 48, 48).rgb());
  }

  @Test
  void recompressionIs420OfThatQuality() throws IOException {
    byte[] jpeg = Augmentation.jpeg(image, 75);
    int sof = indexOf(jpeg, 0xC0);
    assertThat(jpeg[sof + 9]).as("components").isEqualTo((byte) 3);
    assertThat(jpeg[sof + 11]).as("sampling of Y").isEqualTo((byte) 0x22);
    assertThat(jpeg[sof + 14]).as("sampling of Cb").isEqualTo((byte) 0x11);
    // Standard luminance table at quality 75: (16·50 + 50) / 100 = 8.
    assertThat(jpeg[indexOf(jpeg, 0xDB) + 5]).isEqualTo((byte) 8);
    double fine = error(Augmentation.recompress(image, 95));
    double coarse = error(Augmentation.recompress(image, 20));
    assertThat(fine).isPositive();
    assertThat(coarse).isGreaterThan(fine);
    assertThat(apply(new Augmentation(0, 1, 1, 0), 0).rgb()).isNotEqualTo(SIZE.apply(image).rgb());
  }

  private static int indexOf(byte[] jpeg, int marker) {
    for (int i = 0; i < jpeg.length - 1; i++) {
      if ((jpeg[i] & 255) == 0xFF && (jpeg[i + 1] & 255) == marker) {
        return i;
      }
    }
    throw new AssertionError("no marker " + marker);
  }

  private double error(RgbImage other) {
    double sum = 0;
    for (int i = 0; i < image.rgb().length; i++) {
      sum += Math.abs((image.rgb()[i] & 255) - (other.rgb()[i] & 255));
    }
    return sum / image.rgb().length;
  }

  /** Against the definition in double precision: two roundings, so at most one step apart. */
  @Test
  void blurIsTheGaussian() {
    for (double sigma : new double[] {0.1, 0.7, 2}) {
      RgbImage small = Goldens.noise(17, 12, 8);
      RgbImage blurred = Augmentation.blur(small, sigma);
      int radius = (int) Math.ceil(3 * sigma);
      for (int y = 0; y < 12; y++) {
        for (int x = 0; x < 17; x++) {
          double sum = 0;
          double weights = 0;
          for (int dy = -radius; dy <= radius; dy++) {
            for (int dx = -radius; dx <= radius; dx++) {
              double w = Math.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
              int fx = Math.max(0, Math.min(16, x + dx));
              int fy = Math.max(0, Math.min(11, y + dy));
              sum += w * (small.rgb()[(fy * 17 + fx) * 3 + 2] & 255);
              weights += w;
            }
          }
          assertThat((double) (blurred.rgb()[(y * 17 + x) * 3 + 2] & 255))
              .isBetween(sum / weights - 1.01, sum / weights + 1.01);
        }
      }
    }
  }

  @Test
  void flatStaysFlat() {
    byte[] white = new byte[9 * 9 * 3];
    java.util.Arrays.fill(white, (byte) 255);
    assertThat(Augmentation.blur(new RgbImage(9, 9, white), 1.3).rgb()).isEqualTo(white);
  }

  @Test
  void wrongRangesAreRefused() {
    assertThatThrownBy(() -> new Augmentation(1.5, 1, 0, 0))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("flip lies between 0 and 1, found 1.5");
    assertThatThrownBy(() -> new Augmentation(0, 0, 0, 0)).hasMessageContaining("crop scale");
    assertThatThrownBy(() -> new Jpeg(0.5, new Range(0, 50))).hasMessageContaining("quality");
    assertThatThrownBy(() -> new Blur(0.5, new Range(0, 2))).hasMessageContaining("sigma");
    assertThatThrownBy(() -> new Range(2, 1)).hasMessageContaining("2.0 to 1.0");
  }

  /** Run records keep it as JSON. */
  @Test
  void survivesJson() throws IOException {
    ObjectMapper json = new ObjectMapper();
    Augmentation all = new Augmentation(0.5, 0.3, 0.1, 0.2);
    assertThat(json.readValue(json.writeValueAsString(all), Augmentation.class)).isEqualTo(all);
  }
}
