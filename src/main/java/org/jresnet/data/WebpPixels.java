package org.jresnet.data;

import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageReader;
import org.jresnet.base.UserError;
import org.jresnet.data.Samples.Alpha;
import org.jresnet.data.Samples.Sixteen;
import org.jresnet.nativebindings.LibWebp;

/**
 * WebP: lossy frames by libwebp itself, whose upsampling and colours Pillow's are; lossless ones by
 * TwelveMonkeys' decoder, which needs no native code and is exact. Alpha is not decoded. The first
 * frame of an animation lies on black.
 */
final class WebpPixels {
  private WebpPixels() {}

  static RgbImage of(Path name, byte[] bytes, ImageInfo info) throws IOException {
    WebpFile file = WebpFile.of(name, bytes);
    byte[] frame = file.frame(bytes);
    RgbImage pixels =
        switch (file.kind()) {
          case LOSSY -> lossy(name, frame, info);
          case LOSSLESS -> lossless(name, frame, info);
        };
    return pixels.width() == info.width() && pixels.height() == info.height()
        ? pixels
        : pixels.onBlack(info.width(), info.height(), file.left(), file.top());
  }

  private static RgbImage lossless(Path name, byte[] frame, ImageInfo info) throws IOException {
    ImageReader reader =
        new com.twelvemonkeys.imageio.plugins.webp.WebPImageReaderSpi().createReaderInstance(null);
    try {
      Pixels.open(name, reader, new PaddedStream(frame), info);
      return Samples.rgb(name, reader.read(0), Sixteen.HIGH_BYTE, Alpha.DROPPED);
    } finally {
      reader.dispose();
    }
  }

  private static RgbImage lossy(Path name, byte[] frame, ImageInfo info) throws IOException {
    ImageInfo found = ImageInfo.read(name, Head.of(frame));
    if (found.pixels() > info.pixels()) {
      throw new BadImageException(name, "is corrupt: its WebP frame is larger than the image");
    }
    try {
      return Samples.rgb(name, LibWebp.decode(frame), Sixteen.HIGH_BYTE, Alpha.DROPPED);
    } catch (LinkageError | UserError e) {
      throw new BadImageException(
          name,
          "is a lossy WebP image, and libwebp cannot be loaded ("
              + e.getMessage()
              + "); convert it first, for example with: dwebp FILE.webp -o FILE.png",
          e);
    }
  }
}
