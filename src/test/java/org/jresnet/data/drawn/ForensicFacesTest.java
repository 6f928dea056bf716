package org.jresnet.data.drawn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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

  /** Without training's error every way is bilinear interpolation, also where they differ most. */
  @ParameterizedTest
  @EnumSource(Upsampling.Kind.class)
  void anIdealGeneratorInterpolatesConstantsAndRamps(Upsampling.Kind kind) {
    Planes ramp = new Planes(16);
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < 256; i++) {
        ramp.rgb()[c][i] = (i % 16 + 2 * (i / 16)) / 64f;
      }
    }
    Planes smooth = Upsampling.interpolated(ramp);
    Planes out = Upsampling.of(kind, new SplittableRandom(1)).apply(ramp);
    assertThat(out.side()).isEqualTo(32);
    double worst = 0;
    // Repeated pixels leave steps of half a pixel's difference; edges are repeated differently.
    for (int y = 4; y < 28; y++) {
      for (int x = 4; x < 28; x++) {
        worst = Math.max(worst, Math.abs(out.at(0, x, y) - smooth.at(0, x, y)));
      }
    }
    // Weights that are off by 3 % in the root mean square, on values of up to 0.75.
    assertThat(worst).isPositive().isLessThan(0.1);
  }

  @ParameterizedTest
  @EnumSource(
      value = Kind.class,
      names = {"CAMERA", "BICUBIC"},
      mode = EnumSource.Mode.EXCLUDE)
  void aFakeIsItsRealImageWithOneTraceInEveryScene(Kind kind) {
    double[] mean = new double[SIZE * SIZE];
    double sizes = 0;
    for (int s = 0; s < SCENES; s++) {
      RgbImage real = FACES.draw(Kind.CAMERA, s);
      RgbImage fake = FACES.draw(kind, s);
      double squares = 0;
      for (int i = 0; i < mean.length; i++) {
        double off = (fake.rgb()[3 * i + 1] & 255) - (real.rgb()[3 * i + 1] & 255);
        squares += off * off;
        mean[i] += off / SCENES;
      }
      double deviation = Math.sqrt(squares / mean.length);
      assertThat(deviation).as("%s, scene %s", kind, s).isBetween(0.3, 12.0);
      sizes += deviation / SCENES;
    }
    assertThat(Arrays.stream(mean).map(v -> v * v).average().orElseThrow()).isPositive();
    assertThat(sizes).isLessThan(10);
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
