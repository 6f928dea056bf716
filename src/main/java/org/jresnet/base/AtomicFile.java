package org.jresnet.base;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

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

  /** Java copies heap buffers to native memory of the same size before it writes them. */
  private static final int CHUNK = 1 << 20;

  private AtomicFile() {}

  /**
   * Replaces {@code target}. The temporary file's name is fixed, so that a killed process leaves at
   * most one, which the next write replaces.
   *
   * @throws UserError naming the target and the reason (disk full, no permission, no such folder)
   */
  public static void write(Path target, Content content) {
    Path absolute = target.toAbsolutePath();
    if (Files.isDirectory(absolute)) {
      throw new UserError("cannot write " + target + ": it is a folder; name a file");
    }
    Path temporary = absolute.resolveSibling("." + absolute.getFileName() + ".tmp");
    try {
      boolean done = false;
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
            temporary,
            absolute,
            StandardCopyOption.ATOMIC_MOVE,
            StandardCopyOption.REPLACE_EXISTING);
        done = true;
      } finally {
        if (!done) {
          Files.deleteIfExists(temporary);
        }
      }
    } catch (IOException e) {
      throw new UserError(
          "cannot write "
              + target
              + ": "
              + reason(e, absolute)
              + (Files.exists(absolute) ? "; the previous file is untouched" : ""),
          e);
    }
    forceFolder(absolute.getParent());
  }

  /** Makes the rename itself survive a power cut. */
  private static void forceFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      // Windows and some network file systems cannot open folders. The file is complete either way.
      return;
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
      int count = Math.min(CHUNK, bytes.remaining());
      int written = channel.write(bytes.slice(bytes.position(), count));
      bytes.position(bytes.position() + written);
    }
  }

  private static String reason(IOException e, Path target) {
    if (e instanceof NoSuchFileException) {
      return "the folder " + target.getParent() + " does not exist; create it first";
    } else if (e instanceof AccessDeniedException) {
      return "permission denied in the folder " + target.getParent();
    } else if (e instanceof FileSystemException f && f.getReason() != null) {
      return f.getReason();
    }
    return e.getMessage();
  }
}
