package org.jresnet.data;

import java.io.IOException;
import java.nio.file.Path;

/** A file that is not a readable image; the message names the file and the reason. */
public final class BadImageException extends IOException {
  private static final long serialVersionUID = 1L;

  private final transient Path file;

  /** A file and what is wrong with it. */
  public BadImageException(Path file, String reason, Throwable cause) {
    super(file + ": " + reason, cause);
    this.file = file;
  }

  /** A file and what is wrong with it. */
  public BadImageException(Path file, String reason) {
    this(file, reason, null);
  }

  /** The file. */
  public Path file() {
    return file;
  }
}
