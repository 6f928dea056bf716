package org.jresnet.train.events;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.ProtoMessage;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * An event file of TensorBoard: <a
 * href="https://www.tensorflow.org/tutorials/load_data/tfrecord">TFRecords</a> that each hold one
 * {@code Event} of <a
 * href="https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto">TensorBoard's
 * messages</a>. Records are appended as they come, so that a file of a training that goes on can be
 * read. A run that goes on later gets another file in the same folder.
 */
public final class EventFile implements AutoCloseable {
  private static final int WALL_TIME = 1;
  private static final int STEP = 2;
  private static final int FILE_VERSION = 3;
  private static final int SUMMARY = 5;

  private final FileChannel channel;

  private EventFile(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Starts a file with a name of its own in a folder, which is made where it is not there yet.
   *
   * @throws UserError when it cannot be made
   */
  public static EventFile create(Path folder) {
    try {
      Files.createDirectories(folder);
      Path file = folder.resolve(name());
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      EventFile made = new EventFile(channel);
      made.append(event().text(FILE_VERSION, "brain.Event:2"));
      return made;
    } catch (IOException e) {
      throw new UserError(
          Text.format(
              "no event file can be written in %s: %s; name another folder with --tensorboard",
              folder, e),
          e);
    }
  }

  /** TensorBoard takes files with {@code tfevents} in their names, in the order of the names. */
  private static String name() {
    long now = System.currentTimeMillis();
    return Text.format(
        "events.out.tfevents.%010d.%s.%s.%03d",
        now / 1000, host(), ProcessHandle.current().pid(), now % 1000);
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName().replaceAll("[^\\w-]", "_");
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }

  /** Appends what was seen at a step. */
  public void write(long step, Summary summary) throws IOException {
    append(event().number(STEP, step).message(SUMMARY, summary.message()));
  }

  private static ProtoMessage event() {
    return new ProtoMessage().real64(WALL_TIME, System.currentTimeMillis() / 1e3);
  }

  /** Length, its checksum, data, their checksum; all little-endian. */
  private void append(ProtoMessage event) throws IOException {
    byte[] data = event.toBytes();
    ByteBuffer record =
        ByteBuffer.allocate(Long.BYTES + data.length + 2 * Integer.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(data.length);
    record.putInt(maskedCrc(record.array(), 0, Long.BYTES));
    record.put(data);
    record.putInt(maskedCrc(data, 0, data.length));
    AtomicFile.writeFully(channel, record.flip());
  }

  /** CRC-32C, rotated and moved so that a checksum of what holds checksums says something. */
  private static int maskedCrc(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UserError(Text.format("an event file cannot be closed: %s", e), e);
    }
  }
}
