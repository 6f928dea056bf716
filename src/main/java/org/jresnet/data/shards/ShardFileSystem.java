package org.jresnet.data.shards;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.StandardOpenOption;
import java.nio.file.WatchService;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.util.List;
import java.util.Set;
import org.jresnet.base.UserError;

/** A folder of shards, shown as the data folder that was packed. Shards are mapped into memory. */
final class ShardFileSystem extends FileSystem {
  /** A shard has less than 2 GB, the largest that Java maps at once. */
  static final int OFFSET_BITS = 31;

  private static final ShardProvider PROVIDER = new ShardProvider();

  private final Path folder;
  private final Path absolute;
  private final Manifest manifest;
  private final ShardIndex index;
  private final MappedByteBuffer[] mapped;

  ShardFileSystem(Path folder) {
    this.folder = folder;
    absolute = folder.toAbsolutePath().normalize();
    manifest = Manifest.read(folder.resolve(Manifest.FILE));
    index = new ShardIndex(folder, manifest.shards());
    mapped = new MappedByteBuffer[manifest.shards().size()];
  }

  ShardPath root() {
    return new ShardPath(this, folder);
  }

  Manifest manifest() {
    return manifest;
  }

  /** The path below the folder, with forward slashes; "" is the folder itself. */
  private String below(ShardPath path) {
    Path full = path.plain().toAbsolutePath().normalize();
    return full.startsWith(absolute) ? absolute.relativize(full).toString() : "\0";
  }

  ShardIndex.Entry entry(ShardPath path) {
    return index.entry(below(path));
  }

  List<String> folder(ShardPath path) {
    return index.folder(below(path));
  }

  long position(ShardPath path) {
    ShardIndex.Entry entry = entry(path);
    return entry == null ? -1 : (long) entry.shard() << OFFSET_BITS | entry.offset();
  }

  Path tar(int shard) {
    return manifest.shards().get(shard).tar(folder);
  }

  /** When a shard was written. */
  FileTime modified(ShardIndex.Entry entry) throws IOException {
    return Files.getLastModifiedTime(tar(entry.shard()));
  }

  /** The bytes of an image, not copied and not checked. */
  ByteBuffer bytes(ShardPath path) throws IOException {
    ShardIndex.Entry entry = entry(path);
    if (entry == null) {
      throw new NoSuchFileException(path.toString());
    }
    return map(entry.shard()).slice((int) entry.offset(), entry.bytes());
  }

  /** Brings a part of a shard into memory. What cannot be read shows when it is needed. */
  void load(int shard, long from, long to) {
    try {
      map(shard).slice((int) from, (int) (to - from)).load();
    } catch (IOException e) {
      // Whoever reads an image of it gets the error.
      return;
    }
  }

  private MappedByteBuffer map(int shard) throws IOException {
    synchronized (mapped) {
      if (mapped[shard] == null) {
        Manifest.Shard s = manifest.shards().get(shard);
        try (FileChannel channel = FileChannel.open(s.tar(folder), StandardOpenOption.READ)) {
          // The size was right when the index was read: mapping more than there is would kill us.
          if (channel.size() != s.bytes() || s.bytes() > Integer.MAX_VALUE) {
            throw new UserError("the shard " + s.tar(folder) + " changed; " + Shards.REPAIR);
          }
          mapped[shard] = channel.map(FileChannel.MapMode.READ_ONLY, 0, s.bytes());
        }
      }
      return mapped[shard];
    }
  }

  @Override
  public ShardProvider provider() {
    return PROVIDER;
  }

  @Override
  public ShardPath getPath(String first, String... more) {
    return new ShardPath(this, folder.getFileSystem().getPath(first, more));
  }

  /** Nothing to release: what is mapped goes with the paths that lead to it. */
  @Override
  public void close() {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean isOpen() {
    return true;
  }

  @Override
  public boolean isReadOnly() {
    return true;
  }

  @Override
  public String getSeparator() {
    return folder.getFileSystem().getSeparator();
  }

  @Override
  public Iterable<Path> getRootDirectories() {
    return List.of(root());
  }

  @Override
  public Iterable<FileStore> getFileStores() {
    return List.of();
  }

  @Override
  public Set<String> supportedFileAttributeViews() {
    return Set.of("basic");
  }

  @Override
  public PathMatcher getPathMatcher(String pattern) {
    throw new UnsupportedOperationException();
  }

  @Override
  public UserPrincipalLookupService getUserPrincipalLookupService() {
    throw new UnsupportedOperationException();
  }

  @Override
  public WatchService newWatchService() {
    throw new UnsupportedOperationException();
  }
}
