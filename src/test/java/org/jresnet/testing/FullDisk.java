package org.jresnet.testing;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystem;
import java.nio.file.FileSystemException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.util.Arrays;
import java.util.Set;

/**
 * The real file system behind paths of its own, on a disk that is full from a moment on: the n-th
 * file that is created anew can be opened, takes some bytes, and then nothing can be written any
 * more.
 */
public final class FullDisk {
  /** What fails first. */
  public enum At {
    /** Creating the file. */
    OPEN,
    /** Writing into it, after half a kilobyte. */
    WRITE,
    /** Forcing it to the disk. */
    FORCE,
    /** Renaming it. */
    MOVE
  }

  private final int file;
  private final At at;
  private final FileSystem system = new FullDiskSystem(this);
  private int created;
  private boolean full;

  /** Full from the {@code file}-th created file on, counted from 0. */
  public FullDisk(int file, At at) {
    this.file = file;
    this.at = at;
  }

  /** Whether something has failed. */
  public boolean full() {
    return full;
  }

  /** A file or folder on this disk. */
  public Path path(Path real) {
    return (Path)
        Proxy.newProxyInstance(
            FullDisk.class.getClassLoader(),
            new Class<?>[] {Path.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("getFileSystem")) {
                return system;
              } else if (method.getName().equals("toFile")) {
                throw new UnsupportedOperationException("a File would leave this disk");
              }
              Object[] unwrapped =
                  arguments == null
                      ? null
                      : Arrays.stream(arguments)
                          .map(a -> a instanceof Path p ? real(p) : a)
                          .toArray();
              try {
                Object result = method.invoke(real, unwrapped);
                return result instanceof Path p ? path(p) : result;
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  /** The path on the real disk. */
  static Path real(Path path) {
    return Proxy.isProxyClass(path.getClass()) ? Path.of(path.toString()) : path;
  }

  /** What the failure at a file says. */
  IOException noSpace(Path file) {
    full = true;
    return new FileSystemException(file.toString(), null, "No space left on device");
  }

  /** Creates a file, unless that is what fails. */
  FileChannel create(Path path, Set<? extends OpenOption> options, FileAttribute<?>[] a)
      throws IOException {
    boolean fails = created++ >= file;
    if (full || fails && at == At.OPEN) {
      throw noSpace(path);
    }
    FileChannel channel = FileChannel.open(real(path), options, a);
    return fails ? new FullDiskChannel(this, channel, path) : channel;
  }

  /** Fails where renaming a file to this one is what fails. */
  void requireRoomToMove(Path source, Path target) throws IOException {
    boolean temporary = source.toString().endsWith(".tmp");
    if (temporary && created > file && at == At.MOVE) {
      throw noSpace(target);
    }
  }

  At at() {
    return at;
  }

  FileSystem system() {
    return system;
  }
}
