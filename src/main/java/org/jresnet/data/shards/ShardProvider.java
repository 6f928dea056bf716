package org.jresnet.data.shards;

import java.io.IOException;
import java.net.URI;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.FileTime;
import java.nio.file.spi.FileSystemProvider;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What {@link java.nio.file.Files} can do with paths into shards: look and read. */
final class ShardProvider extends FileSystemProvider {
  /**
   * What is known of an image or a folder.
   *
   * @param size in bytes; 0 of a folder
   * @param lastModifiedTime of the shard
   */
  private record Attributes(boolean isDirectory, long size, FileTime lastModifiedTime)
      implements BasicFileAttributes {
    @Override
    public FileTime lastAccessTime() {
      return lastModifiedTime;
    }

    @Override
    public FileTime creationTime() {
      return lastModifiedTime;
    }

    @Override
    public boolean isRegularFile() {
      return !isDirectory;
    }

    @Override
    public boolean isSymbolicLink() {
      return false;
    }

    @Override
    public boolean isOther() {
      return false;
    }

    @Override
    public Object fileKey() {
      return null;
    }
  }

  @Override
  public String getScheme() {
    return "jresnet-shards";
  }

  @Override
  public SeekableByteChannel newByteChannel(
      Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
      throws IOException {
    if (!options.isEmpty() && !options.equals(Set.of(StandardOpenOption.READ))) {
      throw new ReadOnlyFileSystemException();
    }
    return new ShardChannel((ShardPath) path);
  }

  @Override
  public DirectoryStream<Path> newDirectoryStream(
      Path folder, DirectoryStream.Filter<? super Path> filter) throws IOException {
    ShardPath parent = (ShardPath) folder;
    List<String> names = parent.getFileSystem().folder(parent);
    if (names == null) {
      throw new NotDirectoryException(folder.toString());
    }
    List<Path> accepted = new java.util.ArrayList<>();
    for (String name : names) {
      Path entry = parent.resolve(name);
      if (filter.accept(entry)) {
        accepted.add(entry);
      }
    }
    return new DirectoryStream<>() {
      @Override
      public Iterator<Path> iterator() {
        return accepted.iterator();
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public <A extends BasicFileAttributes> A readAttributes(
      Path path, Class<A> type, LinkOption... options) throws IOException {
    if (type != BasicFileAttributes.class) {
      throw new UnsupportedOperationException(type.toString());
    }
    ShardPath inside = (ShardPath) path;
    ShardFileSystem system = inside.getFileSystem();
    ShardIndex.Entry entry = system.entry(inside);
    if (entry != null) {
      return type.cast(new Attributes(false, entry.bytes(), system.modified(entry)));
    }
    if (system.folder(inside) == null) {
      throw new NoSuchFileException(path.toString());
    }
    return type.cast(new Attributes(true, 0, FileTime.fromMillis(0)));
  }

  @Override
  public void checkAccess(Path path, AccessMode... modes) throws IOException {
    ShardPath inside = (ShardPath) path;
    if (inside.getFileSystem().entry(inside) == null
        && inside.getFileSystem().folder(inside) == null) {
      throw new NoSuchFileException(path.toString());
    }
    for (AccessMode mode : modes) {
      if (mode != AccessMode.READ) {
        throw new java.nio.file.AccessDeniedException(path.toString());
      }
    }
  }

  @Override
  public boolean isSameFile(Path a, Path b) {
    return a.toAbsolutePath().normalize().equals(b.toAbsolutePath().normalize());
  }

  @Override
  public boolean isHidden(Path path) {
    return path.getFileName() != null && path.getFileName().toString().startsWith(".");
  }

  @Override
  public ShardFileSystem newFileSystem(URI uri, Map<String, ?> environment) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ShardFileSystem getFileSystem(URI uri) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Path getPath(URI uri) {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileStore getFileStore(Path path) {
    throw new UnsupportedOperationException();
  }

  @Override
  public <V extends FileAttributeView> V getFileAttributeView(
      Path path, Class<V> type, LinkOption... options) {
    return null;
  }

  @Override
  public Map<String, Object> readAttributes(Path path, String names, LinkOption... options) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void createDirectory(Path folder, FileAttribute<?>... attributes) {
    throw new ReadOnlyFileSystemException();
  }

  @Override
  public void delete(Path path) {
    throw new ReadOnlyFileSystemException();
  }

  @Override
  public void copy(Path from, Path to, CopyOption... options) {
    throw new ReadOnlyFileSystemException();
  }

  @Override
  public void move(Path from, Path to, CopyOption... options) {
    throw new ReadOnlyFileSystemException();
  }

  @Override
  public void setAttribute(Path path, String name, Object value, LinkOption... options) {
    throw new ReadOnlyFileSystemException();
  }
}
