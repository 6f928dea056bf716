package org.jresnet.data.drawn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.RgbImage;
import org.jresnet.data.drawn.ForensicFaces.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Fakes are their real images but for the generator, and every generator has its own trace. */
final class ForensicFacesTest {
  private static final int SIZE = 64;
  private static final int SCENES = 12;
  private static final ForensicFaces FACES = new ForensicFaces(SIZE, 3);

  /**
   * Where training ended well, an even slope is interpolated; repeated pixels leave half of their
   * steps, a quarter of a pixel's rise.
   */
  @ParameterizedTest
  @EnumSource(Upsampling.Kind.class)
  void anIdealGeneratorInterpolatesASlope(Upsampling.Kind kind) {
    Planes slope = new Planes(16);
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < 256; i++) {
        slope.rgb()[c][i] = (i % 16 + 2 * (i / 16)) / 64f;
      }
    }
    Planes smooth = Upsampling.interpolated(slope);
    Planes meant = Upsampling.meant(kind).apply(slope);
    Planes trained = Upsampling.of(kind, new SplittableRandom(1)).apply(slope);
    assertThat(meant.side()).isEqualTo(32);
    double steps = kind == Upsampling.Kind.NEAREST ? 0.5 * 0.25 * 3 / 64 : 0;
    // Away from edges, which are repeated before or after the enlargement.
    assertThat(worst(meant, smooth)).isCloseTo(steps, within(1e-6));
    assertThat(worst(trained, smooth)).isBetween(1e-4, 0.3);
  }

  private static double worst(Planes a, Planes b) {
    double worst = 0;
    for (int y = 4; y < 28; y++) {
      for (int x = 4; x < 28; x++) {
        worst = Math.max(worst, Math.abs(a.at(0, x, y) - b.at(0, x, y)));
      }
    }
    return worst;
  }

  @ParameterizedTest
  @EnumSource(
      value = Kind.class,
      names = {"CAMERA", "BICUBIC"},
      mode = EnumSource.Mode.EXCLUDE)
  void aFakeIsItsRealImageAndNoBrighter(Kind kind) {
    double brighter = 0;
    for (int s = 0; s < SCENES; s++) {
      RgbImage real = FACES.draw(Kind.CAMERA, s);
      RgbImage fake = FACES.draw(kind, s);
      double squares = 0;
      for (int i = 0; i < real.rgb().length; i++) {
        double off = (fake.rgb()[i] & 255) - (real.rgb()[i] & 255);
        squares += off * off / real.rgb().length;
        brighter += off / real.rgb().length / SCENES;
      }
      assertThat(Math.sqrt(squares)).as("%s, scene %s", kind, s).isBetween(1.0, 16.0);
    }
    // Noise and steps are not symmetric under the display's gamma.
    assertThat(Math.abs(brighter)).isLessThan(1.5);
  }

  @Test
  void generatorsDifferAndAreTheSameAgain() {
    Kind[] kinds = Kind.values();
    for (int i = 0; i < kinds.length; i++) {
      byte[] image = FACES.draw(kinds[i], 0).rgb();
      assertThat(new ForensicFaces(SIZE, 3).draw(kinds[i], 0).rgb()).isEqualTo(image);
      assertThat(new ForensicFaces(SIZE, 4).draw(kinds[i], 0).rgb()).isNotEqualTo(image);
      for (int j = 0; j < i; j++) {
        assertThat(FACES.draw(kinds[j], 0).rgb()).as("%s", kinds[i]).isNotEqualTo(image);
      }
    }
    assertThat(Arrays.stream(kinds).filter(Kind::isReal))
        .containsExactly(Kind.CAMERA, Kind.BICUBIC);
  }

  @Test
  void everyKindOfASceneHasOneQuality() throws Exception {
    for (int scene = 0; scene < 5; scene++) {
      byte[] camera = FACES.encode(FACES.draw(Kind.CAMERA, scene), scene);
      byte[] fake = FACES.encode(FACES.draw(Kind.SHUFFLE, scene), scene);
      // The quantisation tables stand before the first difference, in the frame's header.
      assertThat(Arrays.copyOf(fake, 150)).isEqualTo(Arrays.copyOf(camera, 150));
    }
    byte[] first = FACES.encode(FACES.draw(Kind.CAMERA, 0), 0);
    RgbImage decoded = ImageDecoder.decode(Path.of("scene 0"), first, ImageDecoder.Options.DEFAULT);
    assertThat(decoded.width()).isEqualTo(SIZE);
  }

  @Test
  void anImpossibleSizeIsNamed() {
    assertThatThrownBy(() -> new ForensicFaces(30, 1))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("found 30");
  }
}
