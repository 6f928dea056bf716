package org.jresnet.data;

import java.util.Locale;
import java.util.Optional;
import org.jresnet.base.JpegDevice;
import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * What decodes JPEG files: this program, to Pillow's bits, or a device, to its own. Decoders of one
 * name give the same pixels and are equal.
 */
public final class JpegDecoder implements Named {
  /** Who can decode. */
  public enum Kind implements Named {
    /** This program. */
    CPU,
    /** The JPEG engines of an NVIDIA GPU. */
    NVJPEG,
    /** An NVIDIA GPU without them; the CPU reads the Huffman codes. */
    NVJPEG_HYBRID;

    @Override
    public String id() {
      return Named.super.id().replace('_', '-');
    }
  }

  /** This program. */
  public static final JpegDecoder CPU = new JpegDecoder("cpu");

  private final String id;
  private final Kind kind;
  private final JpegDevice device;

  /**
   * A decoder as users ask for it ({@code nvjpeg}) or records name it ({@code nvjpeg 13.1.0}). But
   * for {@link #CPU} it decodes nothing: its device is not open.
   *
   * @throws UserError listing the known names
   */
  public JpegDecoder(String id) {
    this(id, null);
  }

  /** A device that is open, and stays so while images are decoded. */
  public JpegDecoder(JpegDevice device) {
    this(device.name(), device);
  }

  private JpegDecoder(String id, JpegDevice device) {
    this.id = id.toLowerCase(Locale.ROOT);
    this.device = device;
    kind = Named.of(Kind.class, "JPEG decoder", this.id.split(" ", 2)[0]);
  }

  @Override
  public String id() {
    return id;
  }

  /** Who decodes, whatever the version. */
  public Kind kind() {
    return kind;
  }

  /** Whether {@link #device} would give one, or needs none. */
  public boolean isOpen() {
    return kind == Kind.CPU || device != null;
  }

  /**
   * The device; empty where this program decodes.
   *
   * @throws UserError when the device is not open
   */
  Optional<JpegDevice> device() {
    if (!isOpen()) {
      throw new UserError(
          Text.format(
              "JPEG files are decoded by %s here, on an NVIDIA GPU, which this command does not do;"
                  + " train, evaluate and predict do",
              id));
    }
    return Optional.ofNullable(device);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof JpegDecoder decoder && decoder.id.equals(id);
  }

  @Override
  public int hashCode() {
    return id.hashCode();
  }

  @Override
  public String toString() {
    return id;
  }
}
