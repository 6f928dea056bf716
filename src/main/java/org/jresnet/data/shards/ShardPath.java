package org.jresnet.data.shards;

import java.io.IOException;
import java.net.URI;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;

/**
 * A path that leads into shards, written as if they were a folder. All that concerns names is the
 * plain path's.
 */
final class ShardPath implements Path {
  private final ShardFileSystem system;
  private final Path plain;

  ShardPath(ShardFileSystem system, Path plain) {
    this.system = system;
    this.plain = plain;
  }

  Path plain() {
    return plain;
  }

  private ShardPath of(Path path) {
    return path == null ? null : new ShardPath(system, path);
  }

  private static Path plain(Path path) {
    return path instanceof ShardPath p ? p.plain : path;
  }

  @Override
  public ShardFileSystem getFileSystem() {
    return system;
  }

  @Override
  public boolean isAbsolute() {
    return plain.isAbsolute();
  }

  @Override
  public ShardPath getRoot() {
    return of(plain.getRoot());
  }

  @Override
  public ShardPath getFileName() {
    return of(plain.getFileName());
  }

  @Override
  public ShardPath getParent() {
    return of(plain.getParent());
  }

  @Override
  public int getNameCount() {
    return plain.getNameCount();
  }

  @Override
  public ShardPath getName(int i) {
    return of(plain.getName(i));
  }

  @Override
  public ShardPath subpath(int from, int to) {
    return of(plain.subpath(from, to));
  }

  @Override
  public boolean startsWith(Path other) {
    return plain.startsWith(plain(other));
  }

  @Override
  public boolean endsWith(Path other) {
    return plain.endsWith(plain(other));
  }

  @Override
  public ShardPath normalize() {
    return of(plain.normalize());
  }

  @Override
  public ShardPath resolve(Path other) {
    return of(plain.resolve(plain(other)));
  }

  @Override
  public ShardPath resolve(String other) {
    return of(plain.resolve(other));
  }

  @Override
  public ShardPath relativize(Path other) {
    return of(plain.relativize(plain(other)));
  }

  @Override
  public URI toUri() {
    return plain.toUri();
  }

  @Override
  public ShardPath toAbsolutePath() {
    return of(plain.toAbsolutePath());
  }

  @Override
  public ShardPath toRealPath(LinkOption... options) throws IOException {
    ShardPath real = toAbsolutePath().normalize();
    if (system.entry(real) == null && system.folder(real) == null) {
      throw new NoSuchFileException(toString());
    }
    return real;
  }

  @Override
  public WatchKey register(
      WatchService watcher, WatchEvent.Kind<?>[] events, WatchEvent.Modifier... modifiers) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int compareTo(Path other) {
    return plain.compareTo(((ShardPath) other).plain);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ShardPath path && plain.equals(path.plain);
  }

  @Override
  public int hashCode() {
    return plain.hashCode();
  }

  @Override
  public String toString() {
    return plain.toString();
  }
}
