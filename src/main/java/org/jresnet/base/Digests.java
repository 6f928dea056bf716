package org.jresnet.base;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.BooleanSupplier;

/** SHA-256 as hexadecimal text. */
public final class Digests {
  private static final int CHUNK = 1 << 16;

  private Digests() {}

  /** A new computation. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java runtime has SHA-256", e);
    }
  }

  /** The result of a computation, 64 characters. */
  public static String hex(MessageDigest digest) {
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Of lines, each with a line feed, in UTF-8. */
  public static String ofLines(Iterable<String> lines) {
    MessageDigest digest = sha256();
    for (String line : lines) {
      digest.update(line.getBytes(StandardCharsets.UTF_8));
      digest.update((byte) '\n');
    }
    return hex(digest);
  }

  /**
   * Of a regular file's content.
   *
   * @param what names the kind of file in messages, such as "the weight file"
   * @param stop is asked again and again
   * @throws Stopped when {@code stop} says so
   * @throws UserError when it is no regular file or cannot be read
   */
  public static String ofFile(Path file, String what, BooleanSupplier stop) {
    RegularFile.require(file, what);
    MessageDigest digest = sha256();
    byte[] buffer = new byte[CHUNK];
    try (InputStream in = Files.newInputStream(file)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        if (stop.getAsBoolean()) {
          throw new Stopped("stopped while reading " + file);
        }
        digest.update(buffer, 0, n);
      }
    } catch (IOException e) {
      throw RegularFile.unreadable(file, what, e);
    }
    return hex(digest);
  }
}
