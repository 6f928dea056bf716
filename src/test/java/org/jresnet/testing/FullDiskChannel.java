package org.jresnet.testing;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;

/** A channel that writes and forces only so much. */
final class FullDiskChannel extends FileChannel {
  /** Bytes that can be written. */
  private static final long ROOM = 512;

  private final FullDisk disk;
  private final FileChannel channel;
  private final Path path;

  FullDiskChannel(FullDisk disk, FileChannel channel, Path path) {
    this.disk = disk;
    this.channel = channel;
    this.path = path;
  }

  @Override
  public int write(ByteBuffer bytes) throws IOException {
    if (disk.at() == FullDisk.At.WRITE && channel.position() + bytes.remaining() > ROOM) {
      int some = (int) (ROOM - channel.position());
      if (some > 0) {
        int written = channel.write(bytes.slice(bytes.position(), some));
        bytes.position(bytes.position() + written);
        return written;
      }
      throw disk.noSpace(path);
    }
    return channel.write(bytes);
  }

  @Override
  public void force(boolean metadata) throws IOException {
    if (disk.at() == FullDisk.At.FORCE || disk.at() == FullDisk.At.WRITE) {
      throw disk.noSpace(path);
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
