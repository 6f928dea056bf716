package org.jresnet.train;

import org.jresnet.backend.Backend;
import org.jresnet.data.JpegDecoder;
import org.jresnet.data.Preprocess;

/** Opens the decoders of JPEG files that are asked for. */
public final class JpegDecoders {
  private JpegDecoders() {}

  /**
   * The same preprocessing with its decoder open, so that it is named with its version, until the
   * backend is closed.
   *
   * @throws org.jresnet.base.UserError when the backend's device decodes no such files, or what it
   *     needs is not there
   */
  public static Preprocess open(Preprocess preprocess, Backend backend) {
    JpegDecoder wanted = preprocess.decoding().jpeg();
    return wanted.isOpen()
        ? preprocess
        : preprocess.withJpeg(new JpegDecoder(backend.jpegDevice(wanted.kind().id())));
  }
}
