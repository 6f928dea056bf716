package org.jresnet.data.drawn;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class PipelinesTest {
  private static final int SIDE = 64;

  /** The white balance undoes what the colour filters do, to the two percent that it is off. */
  @Test
  void cameraKeepsColours() {
    float[] colour = {0.6f, 0.4f, 0.2f};
    for (int seed = 0; seed < 10; seed++) {
      Planes out = Camera.shoot(flat(2 * SIDE, colour), new SplittableRandom(seed));
      assertThat(out.side()).isEqualTo(SIDE);
      for (int c = 0; c < 3; c++) {
        assertThat(mean(out.rgb()[c])).isBetween(colour[c] * 0.975, colour[c] * 1.025);
      }
    }
  }

  /** Photon noise: its variance grows with the light. */
  @Test
  void cameraIsNoisierInTheLight() {
    double dark =
        deviation(Camera.shoot(flat(2 * SIDE, .05f, .05f, .05f), new SplittableRandom(1)));
    double light = deviation(Camera.shoot(flat(2 * SIDE, .8f, .8f, .8f), new SplittableRandom(1)));
    assertThat(dark).isPositive();
    assertThat(light).isGreaterThan(1.5 * dark);
  }

  /**
   * On a flat scene the two phases of the chess board differ by the kernel's imbalance, 6 to 9 %.
   */
  @Test
  void generatorLeavesACheckerboardAndKeepsColours() {
    float[] colour = {0.6f, 0.4f, 0.2f};
    for (int seed = 0; seed < 10; seed++) {
      Planes out = Generator.imitate(flat(SIDE, colour), new SplittableRandom(seed));
      assertThat(out.side()).isEqualTo(SIDE);
      for (int c = 0; c < 3; c++) {
        assertThat(mean(out.rgb()[c])).isBetween(colour[c] * 0.975, colour[c] * 1.025);
        double board = 0;
        for (int y = 0; y < SIDE; y++) {
          for (int x = 0; x < SIDE; x++) {
            board += ((x + y & 1) == 0 ? 1 : -1) * out.at(c, x, y) / colour[c] / (SIDE * SIDE);
          }
        }
        // The phases vary by a fifth around it.
        assertThat(board).isBetween(0.06 * 0.8, 0.09 * 1.2);
      }
    }
  }

  @Test
  void bytesGoToLightAndBack() {
    BufferedImage image = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 256; i++) {
      image.setRGB(i % 16, i / 16, i << 16 | (255 - i) << 8 | i / 2);
    }
    byte[] back = Planes.of(image, 16).toImage().rgb();
    for (int i = 0; i < 256; i++) {
      // The table of 65,536 steps is coarser than bytes in the deepest shadows.
      assertThat(back[3 * i] & 255).isCloseTo(i, org.assertj.core.data.Offset.offset(1));
      assertThat(back[3 * i + 1] & 255).isCloseTo(255 - i, org.assertj.core.data.Offset.offset(1));
      assertThat(back[3 * i + 2] & 255).isCloseTo(i / 2, org.assertj.core.data.Offset.offset(1));
    }
    assertThat(back[3 * 200]).isEqualTo((byte) 200);
  }

  private static Planes flat(int side, float... colour) {
    Planes planes = new Planes(side);
    for (int c = 0; c < 3; c++) {
      Arrays.fill(planes.rgb()[c], colour[c]);
    }
    return planes;
  }

  private static double mean(float[] values) {
    double sum = 0;
    for (float v : values) {
      sum += v;
    }
    return sum / values.length;
  }

  private static double deviation(Planes planes) {
    double mean = mean(planes.rgb()[1]);
    double sum = 0;
    for (float v : planes.rgb()[1]) {
      sum += (v - mean) * (v - mean);
    }
    return Math.sqrt(sum / planes.rgb()[1].length);
  }
}
