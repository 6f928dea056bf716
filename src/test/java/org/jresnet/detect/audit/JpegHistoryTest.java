package org.jresnet.detect.audit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jresnet.data.Augmentation;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.ImageInfo;
import org.jresnet.data.Resize;
import org.jresnet.data.RgbImage;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Images that were compressed once, and twice. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class JpegHistoryTest {
  private final List<RgbImage> images = new ArrayList<>();
  private Path folder;

  /** Faces without a compression of their own: larger ones, reduced. */
  @BeforeAll
  void draw(@TempDir Path shared) throws IOException {
    folder = shared;
    for (Path file : PlantedSet.faces(shared.resolve("drawn"), 12, 512)) {
      images.add(Resize.bilinear(ImageDecoder.decode(file), 256, 256));
    }
  }

  private ImageFacts.Doubled history(byte[] jpeg) throws IOException {
    Path file = folder.resolve("x.jpg");
    Files.write(file, jpeg);
    return new JpegHistory().of(ImageInfo.read(file), ImageDecoder.decode(file));
  }

  private static RgbImage decoded(byte[] jpeg) throws IOException {
    return ImageDecoder.decode(Path.of("x"), jpeg, ImageDecoder.Options.DEFAULT);
  }

  @Test
  void oneCompressionIsNotTakenForTwo() throws IOException {
    int tested = 0;
    int alarms = 0;
    for (RgbImage image : images) {
      for (int quality : new int[] {50, 60, 70, 75, 80, 85, 90, 95}) {
        ImageFacts.Doubled found = history(Augmentation.jpeg(image, quality));
        tested += found.tested() ? 1 : 0;
        alarms += found.quality() > 0 ? 1 : 0;
      }
    }
    assertThat(tested).isGreaterThan(60);
    assertThat(alarms).as("false alarms of %d", tested).isLessThanOrEqualTo(tested / 50);
  }

  @Test
  void strongerEarlierCompressionIsFoundWithItsQuality() throws IOException {
    for (int[] qualities : new int[][] {{50, 90}, {60, 90}, {70, 95}, {75, 90}}) {
      int named = 0;
      for (RgbImage image : images) {
        RgbImage first = decoded(Augmentation.jpeg(image, qualities[0]));
        ImageFacts.Doubled history = history(Augmentation.jpeg(first, qualities[1]));
        named += Math.abs(history.quality() - qualities[0]) <= 1 ? 1 : 0;
      }
      assertThat(named).as("%d, then %d", qualities[0], qualities[1]).isEqualTo(images.size());
    }
  }

  /** A cut moves the grid: nothing can be seen then, and nothing is claimed. */
  @Test
  void otherGridsAreNotSeen() throws IOException {
    for (RgbImage image : images) {
      RgbImage first = decoded(Augmentation.jpeg(image, 60)).crop(3, 5, 248, 248);
      assertThat(history(Augmentation.jpeg(first, 90)).quality()).isZero();
    }
  }

  @Test
  void otherFormatsAndSmallImagesAreNotTested() throws IOException {
    assertThat(history(Pngs.png(images.get(0), 0))).isEqualTo(ImageFacts.Doubled.UNTESTED);
    assertThat(history(Augmentation.jpeg(Resize.bilinear(images.get(0), 7, 7), 90)))
        .isEqualTo(ImageFacts.Doubled.UNTESTED);
  }
}
