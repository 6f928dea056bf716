package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.jresnet.base.UserError;
import org.jresnet.data.Degradation.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class DegradationTest {
  private static final int WIDTH = 60;
  private static final int HEIGHT = 44;

  private static RgbImage image() {
    byte[] rgb = new byte[WIDTH * HEIGHT * 3];
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < rgb.length; i++) {
      int x = i / 3 % WIDTH;
      int y = i / 3 / WIDTH;
      rgb[i] = (byte) (60 + 2 * x + y + random.nextInt(9));
    }
    return new RgbImage(WIDTH, HEIGHT, rgb);
  }

  private static RgbImage after(Kind kind, double level, long seed) {
    return new Degradation(kind, level).apply(image(), new SplittableRandom(seed));
  }

  /** Mean square difference of two images of one size. */
  private static double distance(RgbImage a, RgbImage b) {
    double sum = 0;
    for (int i = 0; i < a.rgb().length; i++) {
      double d = (a.rgb()[i] & 255) - (b.rgb()[i] & 255);
      sum += d * d;
    }
    return sum / a.rgb().length;
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void everyLevelChangesTheImageAndOnlyTheSeedDecidesHow(Kind kind) {
    assertThat(kind.levels()).hasSizeGreaterThanOrEqualTo(3);
    for (double level : kind.levels()) {
      RgbImage once = after(kind, level, 5);
      assertThat(once.rgb()).as("%s %s", kind, level).isNotEqualTo(image().rgb());
      assertThat(after(kind, level, 5).rgb()).isEqualTo(once.rgb());
      boolean drawn = kind == Kind.NOISE || kind == Kind.CROP;
      assertThat(Arrays.equals(after(kind, level, 6).rgb(), once.rgb())).isEqualTo(!drawn);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Kind.class,
      names = {"JPEG", "BLUR", "NOISE"})
  void strongerLevelsChangeMore(Kind kind) {
    double before = 0;
    for (double level : kind.levels()) {
      double now = distance(after(kind, level, 5), image());
      assertThat(now).as("%s %s", kind, level).isGreaterThan(before);
      before = now;
    }
  }

  @Test
  void sizesAreThoseOfTheLevel() {
    assertThat(after(Kind.DOWNSCALE, 0.5, 1))
        .extracting(RgbImage::width, RgbImage::height)
        .containsExactly(30, 22);
    assertThat(after(Kind.UPSCALE, 2, 1))
        .extracting(RgbImage::width, RgbImage::height)
        .containsExactly(120, 88);
    assertThat(after(Kind.CROP, 0.75, 1))
        .extracting(RgbImage::width, RgbImage::height)
        .containsExactly(45, 33);
    assertThat(after(Kind.CHAT, 80, 1).width()).isEqualTo(WIDTH);
    RgbImage wide = new RgbImage(2560, 10, new byte[2560 * 30]);
    assertThat(new Degradation(Kind.CHAT, 80).apply(wide, new SplittableRandom(1)))
        .extracting(RgbImage::width, RgbImage::height)
        .containsExactly(1280, 5);
    assertThat(after(Kind.SCREENSHOT, 0.5, 1))
        .extracting(RgbImage::width, RgbImage::height)
        .containsExactly(28, 22);
    assertThat(after(Kind.DOUBLE_JPEG, 70, 1))
        .extracting(RgbImage::width, RgbImage::height)
        .containsExactly(WIDTH - 4, HEIGHT - 4);
    RgbImage dot = new RgbImage(1, 1, new byte[] {1, 2, 3});
    for (Degradation d : Degradation.grid(Arrays.asList(Kind.values()))) {
      assertThat(d.apply(dot, new SplittableRandom(1)).width()).as(d.toString()).isPositive();
    }
  }

  @Test
  void noiseHasItsDeviationAndBrightnessItsFactor() {
    RgbImage grey = new RgbImage(100, 100, new byte[30000]);
    Arrays.fill(grey.rgb(), (byte) 128);
    RgbImage noisy = new Degradation(Kind.NOISE, 5).apply(grey, new SplittableRandom(3));
    // The standard error of a deviation from 30,000 values is 0.02; rounding adds 1/12 to 25.
    assertThat(Math.sqrt(distance(noisy, grey))).isBetween(4.9, 5.12);
    RgbImage bright = new Degradation(Kind.BRIGHTER, 1.25).apply(grey, new SplittableRandom(3));
    assertThat(bright.rgb()[7] & 255).isEqualTo(160);
    RgbImage cut = new Degradation(Kind.BRIGHTER, 4).apply(grey, new SplittableRandom(3));
    assertThat(cut.rgb()[7] & 255).isEqualTo(255);
  }

  @Test
  void wrongKindsAndLevelsAreRefused() {
    assertThatThrownBy(() -> Degradation.kinds(List.of("jpeg", "fog")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("no degradation 'fog'; there are jpeg, double-jpeg");
    assertThatThrownBy(() -> new Degradation(Kind.JPEG, 0)).hasMessageContaining("jpeg");
    assertThatThrownBy(() -> new Degradation(Kind.CROP, 1.5)).hasMessageContaining("crop");
    assertThat(Degradation.kinds(List.of("blur"))).containsExactly(Kind.BLUR);
    assertThat(new Degradation(Kind.JPEG, 70).text()).isEqualTo("quality 70");
  }

  @Test
  void trainingDrawsThemAnewForEveryImage() {
    Augmentation plain = Augmentation.NONE;
    Augmentation.Degrading forensic = Augmentation.Degrading.FORENSIC;
    Augmentation degrading = plain.withDegradations(forensic.probability(), forensic.among());
    Preprocess size = new Preprocess(32, Preprocess.Mode.STRETCH);
    RgbImage as = plain.apply(image(), size, new SplittableRandom(0));
    int changed = 0;
    for (int i = 0; i < 200; i++) {
      RgbImage now = degrading.apply(image(), size, new SplittableRandom(i));
      assertThat(now.rgb())
          .isEqualTo(degrading.apply(image(), size, new SplittableRandom(i)).rgb());
      changed += Arrays.equals(now.rgb(), as.rgb()) ? 0 : 1;
    }
    assertThat(changed).isBetween(75, 125);
    for (Kind kind : Kind.values()) {
      assertThat(forensic.among()).filteredOn(d -> d.kind() == kind).hasSize(12);
    }
    assertThatThrownBy(() -> plain.withDegradations(0.5, List.of()))
        .hasMessageContaining("no degradation to draw from");
  }
}
