package org.jresnet.detect.audit;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import javax.imageio.ImageIO;
import org.jresnet.data.RgbImage;

/** PNG files in memory. */
final class Pngs {
  private Pngs() {}

  /** An image as a PNG, whatever its number. */
  static byte[] png(RgbImage image, int number) throws IOException {
    BufferedImage out =
        new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < image.width() * image.height(); i++) {
      int red = image.rgb()[3 * i] & 255;
      int green = image.rgb()[3 * i + 1] & 255;
      int blue = image.rgb()[3 * i + 2] & 255;
      out.setRGB(i % image.width(), i / image.width(), red << 16 | green << 8 | blue);
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ImageIO.write(out, "png", bytes);
    return bytes.toByteArray();
  }
}
