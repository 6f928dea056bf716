package org.jresnet.data;

import java.util.zip.CRC32;
import org.jresnet.HostBenchmark;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/**
 * Pillow's antialiased bilinear resize of one image, 1024x1024 to 224x224, on one core.
 *
 * <p>Floor: 7.7 million integer multiply-adds, 6.3 of them in the horizontal pass (1024x224x3
 * values of 9.1 taps), and one pass over the image's 3.1 MB.
 */
public class ResizeBenchmark extends HostBenchmark {
  private static final int SIZE = 224;

  /** Of the image's bytes, and of what Pillow 12.3 makes of them. */
  private static final String IMAGE_CRC = "10fed163";

  private static final String PILLOW_CRC = "8ecb0423";

  private RgbImage image;

  /** Makes the image; the result must be Pillow's to the bit. */
  @Setup
  public void make() {
    image = TestImage.make();
    require("CRC-32 of the image", IMAGE_CRC, crc(image));
    require("CRC-32 of the resized image", PILLOW_CRC, crc(resize()));
  }

  private static String crc(RgbImage image) {
    CRC32 crc = new CRC32();
    crc.update(image.rgb());
    return Long.toHexString(crc.getValue());
  }

  /** Resizes. */
  @Benchmark
  public RgbImage resize() {
    return Resize.bilinear(image, SIZE, SIZE);
  }
}
