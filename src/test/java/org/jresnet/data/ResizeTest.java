package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.base.Interpolation;
import org.jresnet.data.Preprocess.Mode;
import org.junit.jupiter.api.Test;

/** Resizing against Pillow's and torchvision's bytes. */
class ResizeTest {
  @Test
  void everySizeEqualsPillow() throws IOException {
    List<String[]> rows = Goldens.table("resize.tsv");
    assertThat(rows).hasSizeGreaterThan(120);
    Map<String, String> wrong = new TreeMap<>();
    for (String[] row : rows) {
      RgbImage source = ImageDecoder.decode(Goldens.image(row[0]));
      String found = Goldens.of(operate(source, row[1], row[2]));
      if (!found.equals(row[2] + " " + row[3])) {
        wrong.put(row[0] + " " + row[1] + " " + row[2], found);
      }
    }
    assertThat(wrong).as("resized images that differ" + Goldens.REGENERATE).isEmpty();
  }

  private static RgbImage operate(RgbImage source, String operation, String size) {
    String[] words = operation.split(" ");
    int n = words.length > 1 ? Integer.parseInt(words[1]) : 0;
    int x = size.indexOf('x');
    return switch (words[0]) {
      case "bilinear", "bicubic" ->
          Resize.exactly(
              source,
              Integer.parseInt(size.substring(0, x)),
              Integer.parseInt(size.substring(x + 1)),
              Interpolation.valueOf(words[0].toUpperCase(Locale.ROOT)));
      case "shorter" -> Resize.shorterSide(source, n, Interpolation.BILINEAR);
      case "center" -> Resize.centerCrop(source, n);
      case "stretch" -> new Preprocess(n, Mode.STRETCH).apply(source);
      case "crop" ->
          new Preprocess(
                  n,
                  Mode.CROP,
                  ImageDecoder.Options.DEFAULT,
                  words.length > 2 ? Scaling.of(words[2] + " " + words[3]) : Scaling.DEFAULT)
              .apply(source);
      default -> throw new IllegalArgumentException(operation);
    };
  }

  @Test
  void sameSizeIsTheSameImage() {
    RgbImage image = Goldens.noise(13, 7, 1);
    assertThat(Resize.bilinear(image, 13, 7)).isSameAs(image);
  }

  @Test
  void flipTwiceIsNothing() {
    RgbImage image = Goldens.noise(13, 7, 1);
    RgbImage flipped = image.flipHorizontally();
    assertThat(flipped.rgb()).isNotEqualTo(image.rgb());
    assertThat(flipped.rgb()[0]).isEqualTo(image.rgb()[12 * 3]);
    assertThat(flipped.flipHorizontally().rgb()).isEqualTo(image.rgb());
  }

  @Test
  void cropTakesTheRectangle() {
    RgbImage image = Goldens.noise(13, 7, 1);
    RgbImage crop = image.crop(4, 2, 5, 3);
    assertThat(crop.rgb()[(2 * 5 + 3) * 3 + 1]).isEqualTo(image.rgb()[(4 * 13 + 7) * 3 + 1]);
    assertThatThrownBy(() -> image.crop(9, 2, 5, 3)).hasMessageContaining("5x3+9+2 leaves 13x7");
    assertThatThrownBy(() -> new RgbImage(2, 2, new byte[11])).hasMessageContaining("11 bytes");
    assertThat(new Preprocess(9, Mode.CROP, null).decoding())
        .as("what runs of before had options of decoding did")
        .isEqualTo(ImageDecoder.Options.DEFAULT);
    assertThatThrownBy(() -> new Preprocess(0, Mode.CROP)).hasMessageContaining("at least 1");
  }

  /** Red says in which column a pixel stood, green in which row. */
  @Test
  void whatACropShowsIsKnown() {
    int width = 256;
    int height = 128;
    byte[] rgb = new byte[width * height * 3];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        rgb[(y * width + x) * 3] = (byte) x;
        rgb[(y * width + x) * 3 + 1] = (byte) y;
      }
    }
    RgbImage image = new RgbImage(width, height, rgb);
    Preprocess crop = new Preprocess(56, Mode.CROP);
    double[] box = crop.shown(width, height);
    byte[] seen = crop.apply(image).rgb();
    int last = seen.length - 3;
    assertThat(seen[0] & 255).isCloseTo((int) Math.round(box[0] * width), within(1));
    assertThat(seen[1] & 255).isCloseTo((int) Math.round(box[1] * height), within(1));
    assertThat(seen[last] & 255).isCloseTo((int) ((box[0] + box[2]) * width) - 1, within(1));
    assertThat(seen[last + 1] & 255).isCloseTo((int) ((box[1] + box[3]) * height) - 1, within(1));
    assertThat(new Preprocess(56, Mode.STRETCH).shown(width, height)).containsExactly(0, 0, 1, 1);
  }
}
