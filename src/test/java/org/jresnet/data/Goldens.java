package org.jresnet.data;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** What Pillow makes of the test images. */
final class Goldens {
  static final String REGENERATE = " (goldens: python tools/fixtures_images.py)";

  private Goldens() {}

  /** Lines of a table, split at tabs. */
  static List<String[]> table(String name) throws IOException {
    try (InputStream in = Goldens.class.getResourceAsStream("/fixtures/images/" + name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .map(line -> line.split("\t", -1))
          .toList();
    }
  }

  static Path image(String name) {
    try {
      return Path.of(Goldens.class.getResource("/fixtures/images/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Size and hash as the tables have them. */
  static String of(RgbImage image) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(image.rgb());
      return image.width() + "x" + image.height() + " " + HexFormat.of().formatHex(hash);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Seeded noise over a gradient. */
  static RgbImage noise(int width, int height, long seed) {
    java.util.SplittableRandom random = new java.util.SplittableRandom(seed);
    byte[] rgb = new byte[width * height * 3];
    for (int i = 0; i < rgb.length; i++) {
      rgb[i] = (byte) ((i / 3 % width) * 128 / width + random.nextInt(128));
    }
    return new RgbImage(width, height, rgb);
  }
}
