package org.jresnet.base;

import java.io.IOException;

/**
 * A device that decodes JPEG files in the place of this program's own decoder. Its pixels are close
 * to that decoder's, but not the same. Several threads may use it at the same time.
 */
public interface JpegDevice {
  /** What decodes, with its version: everything that its pixels depend on beside the file. */
  String name();

  /**
   * Decodes a baseline file of one or three components.
   *
   * @param file its bytes
   * @param width columns, as its header says
   * @param height rows
   * @return red, green and blue of each pixel, row by row
   * @throws IOException saying why the device refuses the file
   * @throws UserError when the device cannot decode any file
   */
  byte[] rgb(byte[] file, int width, int height) throws IOException;
}
