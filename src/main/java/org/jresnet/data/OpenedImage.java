package org.jresnet.data;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import org.jresnet.base.Digests;
import org.jresnet.base.UserError;

/**
 * An image whose header is read and within the limits, not decoded yet: who decodes several at once
 * asks for {@link #memory} first.
 */
final class OpenedImage {
  /** Larger files are read when their turn to be decoded has come. */
  private static final long SMALL_FILE = 4 << 20;

  private final Path name;
  private final byte[] bytes;
  private final ImageDecoder.Options options;
  private final JpegHeader jpeg;
  private final ImageInfo info;
  private final long memory;

  private OpenedImage(Path name, Head head, byte[] bytes, ImageDecoder.Options options)
      throws BadImageException {
    this.name = name;
    this.bytes = bytes;
    this.options = options;
    try {
      Format format = Format.of(name, head);
      jpeg = format == Format.JPEG ? JpegHeader.read(name, head) : null;
      info = jpeg == null ? ImageInfo.read(name, head) : ImageInfo.of(name, jpeg, head.length());
      Limits.check(name, format, info, options.maxPixels());
      memory = Limits.memory(format, info, head, jpeg);
    } catch (BadImageException e) {
      throw e;
    } catch (IOException e) {
      throw new BadImageException(name, "has a corrupt header: " + e.getMessage(), e);
    }
    if (memory > Limits.budget()) {
      throw Limits.tooMuchMemory(name, info, memory);
    }
  }

  /** Opens a file. */
  static OpenedImage of(Path file, ImageDecoder.Options options) throws BadImageException {
    requireFile(file);
    try {
      if (Files.size(file) <= SMALL_FILE) {
        return of(file, Files.readAllBytes(file), options);
      }
      try (Head head = Head.open(file)) {
        return new OpenedImage(file, head, null, options);
      }
    } catch (BadImageException e) {
      throw e;
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** Opens what is in memory already. */
  static OpenedImage of(Path name, byte[] bytes, ImageDecoder.Options options)
      throws BadImageException {
    return new OpenedImage(name, Head.of(bytes), bytes, options);
  }

  /** Something that can be read without waiting for ever. */
  static void requireFile(Path file) throws BadImageException {
    if (!Files.exists(file)) {
      throw new BadImageException(file, "does not exist");
    } else if (Files.isDirectory(file)) {
      throw new BadImageException(file, "is a folder, expected an image");
    } else if (!Files.isRegularFile(file)) {
      // A pipe or a device would block for ever.
      throw new BadImageException(file, "is no ordinary file, expected an image");
    }
  }

  static BadImageException unreadable(Path file, IOException e) {
    return new BadImageException(
        file,
        "cannot be read: " + (e instanceof AccessDeniedException ? "permission denied" : e),
        e);
  }

  /** What the header says. */
  ImageInfo info() {
    return info;
  }

  /** Bytes that {@link #decode} takes at its peak. */
  long memory() {
    return memory;
  }

  /** SHA-256 of the file. */
  String contentHash() {
    if (bytes == null) {
      return Digests.ofFile(name, "the image", () -> false);
    }
    MessageDigest digest = Digests.sha256();
    digest.update(bytes);
    return Digests.hex(digest);
  }

  /** The pixels. */
  RgbImage decode() throws BadImageException {
    try {
      if (bytes == null) {
        OpenedImage whole = of(name, Files.readAllBytes(name), options);
        if (whole.memory > memory) {
          throw new BadImageException(name, "has changed while it was read");
        }
        return whole.decode();
      }
      RgbImage image = Pixels.of(name, bytes, info, jpeg, options.jpeg());
      boolean tiff = info.format().equals(Format.TIFF.name());
      return tiff || options.orientation() == ImageDecoder.Orientation.APPLY
          ? image.upright(info.orientation())
          : image;
    } catch (BadImageException | UserError e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      throw new BadImageException(name, "is corrupt or truncated: " + reason, e);
    } catch (OutOfMemoryError e) {
      throw Limits.tooMuchMemory(name, info, memory);
    }
  }
}
