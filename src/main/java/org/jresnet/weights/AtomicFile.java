package org.jresnet.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.jresnet.graph.UserError;

/**
 * Writes files so that the target is either the old file or the complete new one, whatever happens:
 * a temporary file in the same folder is written, forced to disk and renamed.
 */
public final class AtomicFile {
  /** Writes the content. */
  public interface Content {
    /** Writes everything to the channel. */
    void write(FileChannel channel) throws IOException;
  }

  private AtomicFile() {}

  /**
   * Replaces {@code target}.
   *
   * @throws UserError naming the target and the reason (disk full, no permission, no such folder)
   */
  public static void write(Path target, Content content) {
    Path absolute = target.toAbsolutePath();
    Path temporary = absolute.resolveSibling("." + absolute.getFileName() + ".tmp");
    try {
      try (FileChannel channel =
          FileChannel.open(
              temporary,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        content.write(channel);
        channel.force(true);
      }
      Files.move(
          temporary, absolute, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      try {
        Files.deleteIfExists(temporary);
      } catch (IOException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw new UserError(
          "cannot write "
              + target
              + ": "
              + reason(e)
              + (Files.exists(absolute) ? "; the previous file is untouched" : ""),
          e);
    }
  }

  /** Replaces {@code target} by a text in UTF-8. */
  public static void write(Path target, String text) {
    write(
        target,
        channel -> writeFully(channel, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8))));
  }

  /** Writes all remaining bytes. */
  public static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private static String reason(IOException e) {
    if (e instanceof NoSuchFileException) {
      return "its folder does not exist";
    } else if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    return e.getMessage();
  }
}
