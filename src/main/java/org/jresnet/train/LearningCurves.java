package org.jresnet.train;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.jresnet.base.AtomicFile;
import org.jresnet.metrics.Curves;

/** {@code curves.png}: loss and accuracy over the epochs. */
final class LearningCurves {
  private LearningCurves() {}

  static void draw(List<EpochResult> history, Path file) {
    BufferedImage picture =
        Curves.draw(
            List.of(
                new Curves.Curve("training", history.stream().map(EpochResult::trainLoss).toList()),
                new Curves.Curve(
                    "validation", history.stream().map(EpochResult::valLoss).toList())),
            List.of(
                new Curves.Curve(
                    "training", history.stream().map(r -> 100 * r.trainAccuracy()).toList()),
                new Curves.Curve(
                    "validation", history.stream().map(r -> 100 * r.valAccuracy()).toList())));
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    try {
      ImageIO.write(picture, "png", png);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    AtomicFile.write(
        file, channel -> AtomicFile.writeFully(channel, ByteBuffer.wrap(png.toByteArray())));
  }
}
