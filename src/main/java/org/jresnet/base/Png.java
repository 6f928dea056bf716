package org.jresnet.base;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * Writes drawings as PNG files.
 *
 * <p>{@code ImageIO.write} is not used: its streams go through a file in the temporary folder,
 * which may not be writable, and register a shutdown hook for it, which fails once the program is
 * being stopped.
 */
public final class Png {
  private Png() {}

  /**
   * Replaces {@code target}.
   *
   * @throws UserError when the file cannot be written
   */
  public static void write(BufferedImage drawing, Path target) {
    byte[] bytes;
    try {
      bytes = encode(drawing);
    } catch (IOException e) {
      throw new UserError("cannot write " + target + ": the drawing cannot be encoded: " + e, e);
    }
    AtomicFile.write(target, channel -> AtomicFile.writeFully(channel, ByteBuffer.wrap(bytes)));
  }

  /** The file's bytes. */
  public static byte[] encode(BufferedImage drawing) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ImageWriter writer = ImageIO.getImageWritersByFormatName("png").next();
    try (ImageOutputStream stream = new MemoryCacheImageOutputStream(bytes)) {
      writer.setOutput(stream);
      writer.write(drawing);
    } finally {
      writer.dispose();
    }
    return bytes.toByteArray();
  }
}
