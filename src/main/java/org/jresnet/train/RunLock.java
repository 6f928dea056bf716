package org.jresnet.train;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * Keeps a folder for one run. The operating system gives the lock back when the process ends, in
 * whatever way; the file {@code .lock} stays and means nothing by itself.
 */
public final class RunLock implements AutoCloseable {
  /** Its name in the folder. */
  public static final String FILE = ".lock";

  private static final int SHOWN = 20;

  /**
   * Folders that this process holds. Such a file must not even be opened a second time: closing it
   * would give back the lock of the whole process (POSIX).
   */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private final Path folder;
  private final FileChannel channel;

  private RunLock(Path folder, FileChannel channel) {
    this.folder = folder;
    this.channel = channel;
  }

  /**
   * Locks an existing folder.
   *
   * @param notes is told when the file system knows no locks
   * @throws UserError when another run has it
   */
  public static RunLock take(Path path, Consumer<String> notes) {
    Path folder;
    try {
      folder = path.toRealPath();
    } catch (IOException e) {
      throw new UserError(Text.format("the output folder %s cannot be opened: %s", path, e), e);
    }
    if (!HELD.add(folder)) {
      throw new UserError(busy(path, "another training of this process"));
    }
    FileChannel channel = null;
    boolean taken = false;
    try {
      Path file = folder.resolve(FILE);
      if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)
          && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
        throw new UserError(
            Text.format("%s is a link, folder or pipe; jresnet needs that name, remove it", file));
      }
      channel =
          FileChannel.open(
              file,
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              LinkOption.NOFOLLOW_LINKS);
      if (!lock(channel, path, notes)) {
        throw new UserError(busy(path, "process " + holder(channel)));
      }
      taken = true;
      return new RunLock(folder, channel);
    } catch (FileSystemException e) {
      throw new UserError(Text.format("the output folder %s is not writable: %s", path, e), e);
    } catch (IOException e) {
      throw new UserError(Text.format("the output folder %s cannot be locked: %s", path, e), e);
    } finally {
      if (!taken) {
        HELD.remove(folder);
        close(channel);
      }
    }
  }

  /**
   * The process that trains into a folder at this moment; empty where none does, and where nobody
   * can know.
   */
  public static OptionalLong holder(Path path) {
    try {
      Path folder = path.toRealPath();
      if (HELD.contains(folder)) {
        return OptionalLong.of(ProcessHandle.current().pid());
      }
      Path file = folder.resolve(FILE);
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
        return OptionalLong.empty();
      }
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
        String pid = holder(channel);
        // Most often the process is gone: then nobody is disturbed by a lock of ours.
        if (!pid.matches("\\d+")
            || ProcessHandle.of(Long.parseLong(pid)).filter(ProcessHandle::isAlive).isEmpty()) {
          return OptionalLong.empty();
        }
        FileLock lock = channel.tryLock(0, Long.MAX_VALUE, true);
        return lock == null ? OptionalLong.of(Long.parseLong(pid)) : OptionalLong.empty();
      }
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  private static boolean lock(FileChannel channel, Path path, Consumer<String> notes)
      throws IOException {
    FileLock lock;
    try {
      lock = channel.tryLock();
    } catch (IOException e) {
      notes.accept(
          Text.format(
              "%s is on a file system without locks (%s): make sure that no other training writes "
                  + "there",
              path, e.getMessage()));
      return true;
    }
    if (lock == null) {
      return false;
    }
    byte[] id = (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII);
    try {
      channel.truncate(0).write(ByteBuffer.wrap(id), 0);
    } catch (IOException e) {
      // A full disk: only the number in another process's message is missing.
      return true;
    }
    return true;
  }

  private static String holder(FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(SHOWN);
    channel.read(bytes, 0);
    String text = new String(bytes.array(), StandardCharsets.US_ASCII).trim();
    return text.matches("\\d+") ? text : "unknown";
  }

  private static String busy(Path path, String who) {
    return "the output folder "
        + path
        + " is in use by another training ("
        + who
        + "); wait until it has ended, or choose another --out";
  }

  private static void close(FileChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      // Nothing was written that matters; the lock ends with the process at the latest.
      return;
    }
  }

  @Override
  public void close() {
    close(channel);
    HELD.remove(folder);
  }
}
