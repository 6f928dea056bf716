package org.jresnet.serve;

import io.undertow.connector.PooledByteBuffer;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.RequestTooBigException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jresnet.base.Text;
import org.xnio.ChannelListener;
import org.xnio.IoUtils;
import org.xnio.XnioExecutor;
import org.xnio.channels.StreamSourceChannel;

/**
 * The body of a request, read as it arrives without a thread that waits for it. It is bounded in
 * bytes and time, and all bodies together are bounded in memory, of which one takes what it has
 * received.
 */
public final class Body implements ChannelListener<StreamSourceChannel> {
  private static final int FIRST = 8 << 10;

  /** Memory that all bodies share. */
  public static final class Memory {
    private final long most;
    private final AtomicLong taken = new AtomicLong();

    /** At most so many bytes. */
    public Memory(long most) {
      this.most = most;
    }

    private boolean take(long bytes) {
      if (taken.addAndGet(bytes) <= most) {
        return true;
      }
      taken.addAndGet(-bytes);
      return false;
    }

    private void give(long bytes) {
      taken.addAndGet(-bytes);
    }

    long taken() {
      return taken.get();
    }
  }

  private final Call call;
  private final HttpServerExchange exchange;
  private final ServerOptions.Bounds bounds;
  private final Memory memory;
  private final Consumer<ByteBuffer> received;
  private byte[] data = new byte[0];
  private int size;
  private boolean over;
  private XnioExecutor.Key deadline;

  private Body(
      Call call, ServerOptions.Bounds bounds, Memory memory, Consumer<ByteBuffer> received) {
    this.call = call;
    this.exchange = call.exchange();
    this.bounds = bounds;
    this.memory = memory;
    this.received = received;
  }

  /**
   * Reads the body and hands it over on the input thread, which must not be kept. What goes wrong
   * is answered here.
   */
  public static void read(
      Call call, ServerOptions.Bounds bounds, Memory memory, Consumer<ByteBuffer> received) {
    long announced = call.exchange().getRequestContentLength();
    if (announced > bounds.bytes()) {
      throw tooLarge(announced + " bytes", bounds);
    }
    Body body = new Body(call, bounds, memory, received);
    call.exchange().dispatch(Runnable::run, body::start);
  }

  private static Problem tooLarge(String found, ServerOptions.Bounds bounds) {
    return new Problem(
        413,
        Text.format(
            "the body may have %s bytes, found %s; send smaller images, or fewer at once",
            bounds.bytes(), found));
  }

  private void start() {
    deadline =
        exchange
            .getIoThread()
            .executeAfter(this::late, bounds.request().toMillis(), TimeUnit.MILLISECONDS);
    call.atEnd(
        () -> {
          deadline.remove();
          release();
        });
    handleEvent(exchange.getRequestChannel());
  }

  @Override
  public void handleEvent(StreamSourceChannel channel) {
    PooledByteBuffer pooled = exchange.getConnection().getByteBufferPool().allocate();
    try {
      ByteBuffer buffer = pooled.getBuffer();
      while (!over) {
        buffer.clear();
        int count = channel.read(buffer);
        if (count == 0) {
          channel.getReadSetter().set(this);
          channel.resumeReads();
          return;
        }
        if (count < 0) {
          over = true;
          deadline.remove();
          call.received(size);
          received.accept(ByteBuffer.wrap(data, 0, size));
          return;
        }
        buffer.flip();
        append(buffer);
      }
    } catch (Problem e) {
      end(channel);
      call.refuse(e);
    } catch (RequestTooBigException e) {
      end(channel);
      call.refuse(tooLarge("more", bounds));
    } catch (IOException e) {
      // The client hung up, or sent what is no chunked body: there is nobody to answer to.
      end(channel);
      IoUtils.safeClose(exchange.getConnection());
    } finally {
      pooled.close();
    }
  }

  private void end(StreamSourceChannel channel) {
    // The deadline stays: what is left of the body is read and dropped until then, for a client
    // that is still sending would not read the answer.
    over = true;
    call.received(size);
    channel.suspendReads();
  }

  private void append(ByteBuffer buffer) {
    int count = buffer.remaining();
    if (size + count > bounds.bytes()) {
      throw tooLarge("more", bounds);
    }
    if (size + count > data.length) {
      int wanted = (int) Math.min(bounds.bytes(), Math.max(FIRST, 2L * (size + count)));
      if (!memory.take(wanted - data.length)) {
        throw Problem.later(
            503, "the server holds as many unfinished uploads as it can; try again later", 1);
      }
      data = Arrays.copyOf(data, wanted);
    }
    buffer.get(data, size, count);
    size += count;
  }

  /** Gives the memory back; the array is not used any more. */
  private synchronized void release() {
    memory.give(data.length);
    data = new byte[0];
  }

  private void late() {
    if (!over) {
      over = true;
      call.received(size);
      call.expect(408);
    }
    // An answer would have to wait for the rest of the body.
    IoUtils.safeClose(exchange.getConnection());
  }
}
