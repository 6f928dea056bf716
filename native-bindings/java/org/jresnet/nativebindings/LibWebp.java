package org.jresnet.nativebindings;

import com.luciad.imageio.webp.WebPImageReaderSpi;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/** libwebp, as webp-imageio brings it along, unpacked to {@link NativeCache}'s folder. */
public final class LibWebp {
  /** webp-imageio's own property. */
  private static final String FOLDER = "com.luciad.imageio.webp.tmpdir";

  private LibWebp() {}

  /**
   * Decodes a still image.
   *
   * @param file a whole WebP file in memory
   * @throws IOException when libwebp cannot decode it
   * @throws LinkageError when libwebp cannot be loaded
   */
  public static BufferedImage decode(byte[] file) throws IOException {
    if (System.getProperty(FOLDER) == null) {
      System.setProperty(FOLDER, NativeCache.prepare().toString());
    }
    ImageReader reader = new WebPImageReaderSpi().createReaderInstance(null);
    try (ImageInputStream stream =
        new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
      reader.setInput(stream, true, true);
      return reader.read(0);
    } finally {
      reader.dispose();
    }
  }
}
