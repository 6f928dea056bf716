package org.jresnet.data;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.jresnet.HostBenchmark;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * From a file of 1024x1024 pixels to RGB bytes, on one core.
 *
 * <p>Floor: for the JPEG libjpeg's work, Huffman codes of 0.26 MB and 24,576 inverse cosine
 * transforms; for the PNG zlib's, 2.7 MB inflated to 3.1 MB (Java's writer leaves rows unfiltered).
 * Writing 3.1 MB of pixels costs little beside either.
 */
public class DecodeBenchmark extends HostBenchmark {
  private static final int QUALITY = 90;

  /** Peak signal-to-noise ratio in dB that Pillow's encoder and decoder keep at this quality. */
  private static final double KEPT = 37.8;

  /** What the file is. */
  public enum Format {
    /** 4:2:0, by the encoder of the augmentation. */
    JPEG,
    /** RGB of 8 bits. */
    PNG
  }

  /** What is decoded. */
  @Param public Format format;

  private Path file;

  /** Writes the file. The PNG must come back exactly, the JPEG as near as its quality allows. */
  @Setup
  public void write() throws IOException, BadImageException {
    RgbImage drawn = TestImage.make();
    file = Files.createTempFile("jresnet-benchmark", "." + format);
    file.toFile().deleteOnExit();
    switch (format) {
      case JPEG -> Files.write(file, Augmentation.jpeg(drawn, QUALITY));
      case PNG -> writePng(drawn);
    }
    RgbImage decoded = ImageDecoder.decode(file);
    switch (format) {
      case JPEG -> requireSimilar(drawn.rgb(), decoded.rgb());
      case PNG -> {
        int at = Arrays.mismatch(drawn.rgb(), decoded.rgb());
        require("first byte at which the decoded PNG differs", -1, at);
      }
    }
  }

  private void writePng(RgbImage drawn) throws IOException {
    var image = new BufferedImage(TestImage.SIDE, TestImage.SIDE, BufferedImage.TYPE_3BYTE_BGR);
    int[] samples = new int[drawn.rgb().length];
    Arrays.setAll(samples, i -> drawn.rgb()[i] & 255);
    image.getRaster().setPixels(0, 0, TestImage.SIDE, TestImage.SIDE, samples);
    ImageIO.write(image, "png", file.toFile());
  }

  private static void requireSimilar(byte[] expected, byte[] found) {
    require("bytes of the decoded JPEG", expected.length, found.length);
    double sum = 0;
    for (int i = 0; i < expected.length; i++) {
      double difference = (expected[i] & 255) - (found[i] & 255);
      sum += difference * difference;
    }
    double ratio = 10 * Math.log10(255.0 * 255 * expected.length / sum);
    require("signal-to-noise ratio of the decoded JPEG", KEPT, ratio, 1);
  }

  /** Reads and decodes the file, which is in the page cache. */
  @Benchmark
  public RgbImage decode() throws BadImageException {
    return ImageDecoder.decode(file);
  }
}
