package org.jresnet.base;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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

  private static final Pattern TEMPORARY =
      Pattern.compile("\\.(.+)\\.[0-9a-f]{16}\\.tmp", Pattern.DOTALL);
  private static final SecureRandom RANDOM = new SecureRandom();

  private AtomicFile() {}

  /**
   * Replaces {@code target}. The temporary file has a name that nobody else uses and is created
   * anew, so that two programs never share one, and a link that lies there is never followed. A
   * killed process leaves it behind; {@link #removeLeftovers} finds it.
   *
   * @throws UserError naming the target and the reason (disk full, no permission, no such folder)
   */
  public static void write(Path target, Content content) {
    Path absolute = target.toAbsolutePath();
    if (Files.isDirectory(absolute)) {
      throw new UserError("cannot write " + target + ": it is a folder; name a file");
    }
    if (Files.exists(absolute) && !Files.isRegularFile(absolute)) {
      throw new UserError("cannot write " + target + ": it is a device or pipe; name a file");
    }
    Path temporary =
        absolute.resolveSibling(
            String.format(".%s.%016x.tmp", absolute.getFileName(), RANDOM.nextLong()));
    try {
      boolean done = false;
      try {
        try (FileChannel channel =
            FileChannel.open(
                temporary,
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS)) {
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

  /**
   * Deletes temporary files that killed processes left of the given targets. Nobody may be writing
   * these targets.
   *
   * @param folder whose entries are looked at
   * @param targets file names
   */
  public static void removeLeftovers(Path folder, Collection<String> targets) throws IOException {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, ".*.tmp")) {
      for (Path entry : entries) {
        Matcher name = TEMPORARY.matcher(entry.getFileName().toString());
        if (name.matches()
            && targets.contains(name.group(1))
            && Files.isRegularFile(entry, LinkOption.NOFOLLOW_LINKS)) {
          Files.delete(entry);
        }
      }
    }
  }

  /** Makes renames in a folder survive a power cut. */
  public static void forceFolder(Path folder) {
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
