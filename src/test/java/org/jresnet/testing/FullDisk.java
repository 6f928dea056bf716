package org.jresnet.testing;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.StandardOpenOption;
import java.nio.file.WatchService;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.spi.FileSystemProvider;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
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

  private static final long ROOM = 512;

  private final int file;
  private final At at;
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

  private static Path real(Path path) {
    return Proxy.isProxyClass(path.getClass()) ? Path.of(path.toString()) : path;
  }

  private IOException noSpace(Path file) {
    full = true;
    return new FileSystemException(file.toString(), null, "No space left on device");
  }

  private FileChannel create(Path path, Set<? extends OpenOption> options, FileAttribute<?>[] a)
      throws IOException {
    boolean fails = created++ >= file;
    if (full || fails && at == At.OPEN) {
      throw noSpace(path);
    }
    FileChannel channel = FileChannel.open(real(path), options, a);
    return fails ? new Failing(channel, path) : channel;
  }

  /** A channel that writes and forces only so much. */
  private final class Failing extends FileChannel {
    private final FileChannel channel;
    private final Path path;

    Failing(FileChannel channel, Path path) {
      this.channel = channel;
      this.path = path;
    }

    @Override
    public int write(ByteBuffer bytes) throws IOException {
      if (at == At.WRITE && channel.position() + bytes.remaining() > ROOM) {
        int some = (int) (ROOM - channel.position());
        if (some > 0) {
          int written = channel.write(bytes.slice(bytes.position(), some));
          bytes.position(bytes.position() + written);
          return written;
        }
        throw noSpace(path);
      }
      return channel.write(bytes);
    }

    @Override
    public void force(boolean metadata) throws IOException {
      if (at == At.FORCE || at == At.WRITE) {
        throw noSpace(path);
      }
      channel.force(metadata);
    }

    @Override
    protected void implCloseChannel() throws IOException {
      channel.close();
    }

    @Override
    public int read(ByteBuffer bytes) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long read(ByteBuffer[] bytes, int offset, int length) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long write(ByteBuffer[] bytes, int offset, int length) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long position() throws IOException {
      return channel.position();
    }

    @Override
    public FileChannel position(long position) throws IOException {
      channel.position(position);
      return this;
    }

    @Override
    public long size() throws IOException {
      return channel.size();
    }

    @Override
    public FileChannel truncate(long size) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long transferTo(long position, long count, WritableByteChannel target) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long transferFrom(ReadableByteChannel source, long position, long count) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int read(ByteBuffer bytes, long position) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int write(ByteBuffer bytes, long position) {
      throw new UnsupportedOperationException();
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long position, long size) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileLock lock(long position, long size, boolean shared) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileLock tryLock(long position, long size, boolean shared) {
      throw new UnsupportedOperationException();
    }
  }

  private final FileSystemProvider provider =
      new FileSystemProvider() {
        @Override
        public FileChannel newFileChannel(
            Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
            throws IOException {
          return options.contains(StandardOpenOption.CREATE_NEW)
              ? create(path, options, attributes)
              : FileChannel.open(real(path), options, attributes);
        }

        @Override
        public SeekableByteChannel newByteChannel(
            Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
            throws IOException {
          return newFileChannel(path, options, attributes);
        }

        @Override
        public void move(Path source, Path target, CopyOption... options) throws IOException {
          boolean temporary = source.toString().endsWith(".tmp");
          if (temporary && created > file && at == At.MOVE) {
            throw noSpace(target);
          }
          Files.move(real(source), real(target), options);
        }

        @Override
        public DirectoryStream<Path> newDirectoryStream(
            Path folder, DirectoryStream.Filter<? super Path> filter) throws IOException {
          DirectoryStream<Path> entries = Files.newDirectoryStream(real(folder));
          return new DirectoryStream<>() {
            @Override
            public Iterator<Path> iterator() {
              java.util.List<Path> all = new java.util.ArrayList<>();
              try {
                for (Path entry : entries) {
                  if (filter.accept(path(entry))) {
                    all.add(path(entry));
                  }
                }
              } catch (IOException e) {
                throw new java.nio.file.DirectoryIteratorException(e);
              }
              return all.iterator();
            }

            @Override
            public void close() throws IOException {
              entries.close();
            }
          };
        }

        @Override
        public void createDirectory(Path folder, FileAttribute<?>... attributes)
            throws IOException {
          Files.createDirectory(real(folder), attributes);
        }

        @Override
        public void delete(Path path) throws IOException {
          Files.delete(real(path));
        }

        @Override
        public void copy(Path source, Path target, CopyOption... options) {
          throw new UnsupportedOperationException();
        }

        @Override
        public boolean isSameFile(Path one, Path other) throws IOException {
          return Files.isSameFile(real(one), real(other));
        }

        @Override
        public boolean isHidden(Path path) throws IOException {
          return Files.isHidden(real(path));
        }

        @Override
        public FileStore getFileStore(Path path) throws IOException {
          return Files.getFileStore(real(path));
        }

        @Override
        public void checkAccess(Path path, AccessMode... modes) throws IOException {
          Path file = real(path);
          file.getFileSystem().provider().checkAccess(file, modes);
        }

        @Override
        public <V extends FileAttributeView> V getFileAttributeView(
            Path path, Class<V> type, LinkOption... options) {
          return Files.getFileAttributeView(real(path), type, options);
        }

        @Override
        public <A extends BasicFileAttributes> A readAttributes(
            Path path, Class<A> type, LinkOption... options) throws IOException {
          return Files.readAttributes(real(path), type, options);
        }

        @Override
        public Map<String, Object> readAttributes(
            Path path, String attributes, LinkOption... options) throws IOException {
          return Files.readAttributes(real(path), attributes, options);
        }

        @Override
        public void setAttribute(Path path, String name, Object value, LinkOption... options)
            throws IOException {
          Files.setAttribute(real(path), name, value, options);
        }

        @Override
        public String getScheme() {
          return "full-disk";
        }

        @Override
        public FileSystem newFileSystem(URI uri, Map<String, ?> env) {
          throw new UnsupportedOperationException();
        }

        @Override
        public FileSystem getFileSystem(URI uri) {
          return system;
        }

        @Override
        public Path getPath(URI uri) {
          throw new UnsupportedOperationException();
        }
      };

  private final FileSystem system =
      new FileSystem() {
        @Override
        public FileSystemProvider provider() {
          return provider;
        }

        @Override
        public void close() {}

        @Override
        public boolean isOpen() {
          return true;
        }

        @Override
        public boolean isReadOnly() {
          return false;
        }

        @Override
        public String getSeparator() {
          return "/";
        }

        @Override
        public Iterable<Path> getRootDirectories() {
          throw new UnsupportedOperationException();
        }

        @Override
        public Iterable<FileStore> getFileStores() {
          throw new UnsupportedOperationException();
        }

        @Override
        public Set<String> supportedFileAttributeViews() {
          return Path.of("/").getFileSystem().supportedFileAttributeViews();
        }

        @Override
        public Path getPath(String first, String... more) {
          return path(Path.of(first, more));
        }

        @Override
        public PathMatcher getPathMatcher(String pattern) {
          PathMatcher matcher = Path.of("/").getFileSystem().getPathMatcher(pattern);
          return path -> matcher.matches(real(path));
        }

        @Override
        public UserPrincipalLookupService getUserPrincipalLookupService() {
          throw new UnsupportedOperationException();
        }

        @Override
        public WatchService newWatchService() {
          throw new UnsupportedOperationException();
        }
      };
}
