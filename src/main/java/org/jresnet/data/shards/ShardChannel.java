package org.jresnet.data.shards;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;
import java.util.zip.CRC32C;
import org.jresnet.base.Text;
import org.jresnet.data.BadImageException;

/** Reads one image. Whoever reads all of it in order gets an error instead of a damaged end. */
final class ShardChannel implements SeekableByteChannel {
  private final ShardPath path;
  private final ByteBuffer bytes;
  private final CRC32C crc = new CRC32C();
  private int checked;
  private boolean open = true;

  ShardChannel(ShardPath path) throws IOException {
    this.path = path;
    bytes = path.getFileSystem().bytes(path);
  }

  @Override
  public int read(ByteBuffer to) throws IOException {
    requireOpen();
    if (!bytes.hasRemaining()) {
      return -1;
    }
    int count = Math.min(to.remaining(), bytes.remaining());
    ByteBuffer piece = bytes.slice(bytes.position(), count);
    if (bytes.position() == checked) {
      crc.update(piece);
      piece.rewind();
      checked += count;
      if (checked == bytes.limit()) {
        check();
      }
    }
    to.put(piece);
    bytes.position(bytes.position() + count);
    return count;
  }

  private void check() throws BadImageException {
    ShardFileSystem system = path.getFileSystem();
    ShardIndex.Entry entry = system.entry(path);
    if ((int) crc.getValue() != entry.crc32c()) {
      throw new BadImageException(
          path,
          Text.format(
              "is damaged in the shard %s at byte %s: its CRC-32C is %08x, expected %08x; %s",
              system.tar(entry.shard()),
              entry.offset(),
              (int) crc.getValue(),
              entry.crc32c(),
              Shards.REPAIR));
    }
  }

  private void requireOpen() throws ClosedChannelException {
    if (!open) {
      throw new ClosedChannelException();
    }
  }

  @Override
  public long position() throws IOException {
    requireOpen();
    return bytes.position();
  }

  @Override
  public ShardChannel position(long at) throws IOException {
    requireOpen();
    if (at < 0) {
      throw new IllegalArgumentException(Text.format("no position: %s", at));
    }
    bytes.position((int) Math.min(at, bytes.limit()));
    return this;
  }

  @Override
  public long size() throws IOException {
    requireOpen();
    return bytes.limit();
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public void close() {
    open = false;
  }

  @Override
  public int write(ByteBuffer from) {
    throw new NonWritableChannelException();
  }

  @Override
  public SeekableByteChannel truncate(long size) {
    throw new NonWritableChannelException();
  }
}
