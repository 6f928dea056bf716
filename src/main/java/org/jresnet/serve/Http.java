package org.jresnet.serve;

import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.HttpHandler;
import io.undertow.server.handlers.HttpContinueReadHandler;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.channels.UnresolvedAddressException;
import java.util.concurrent.TimeUnit;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.xnio.Options;

/** How every server here listens: bounded heads, bodies, connections and times. */
public final class Http {
  private static final int BUFFER = 16 << 10;
  private static final int IO_THREADS = 2;
  private static final int HEAD_BYTES = 16 << 10;
  private static final int HEADERS = 100;
  private static final long IDLE_SECONDS = 60;

  static {
    // Undertow logs through JBoss Logging, which would take java.util.logging.
    if (System.getProperty("org.jboss.logging.provider") == null) {
      System.setProperty("org.jboss.logging.provider", "slf4j");
    }
  }

  private Http() {}

  /**
   * Listens. Answers are never cached, and their type is never guessed.
   *
   * @throws UserError when the address cannot be used
   */
  public static Undertow listen(
      ServerOptions.Address address, ServerOptions.Bounds bounds, HttpHandler handler) {
    int millis = (int) bounds.request().toMillis();
    Undertow undertow =
        Undertow.builder()
            .addHttpListener(address.port(), address.host())
            .setIoThreads(IO_THREADS)
            .setWorkerThreads(1)
            // Buffers of Java's heap: no request takes native memory.
            .setDirectBuffers(false)
            .setBufferSize(BUFFER)
            .setServerOption(UndertowOptions.MAX_HEADER_SIZE, HEAD_BYTES)
            .setServerOption(UndertowOptions.MAX_HEADERS, HEADERS)
            // Body says what is too large; up to here the rest is read and dropped.
            .setServerOption(UndertowOptions.MAX_ENTITY_SIZE, 2 * bounds.bytes())
            .setServerOption(UndertowOptions.REQUEST_PARSE_TIMEOUT, millis)
            .setServerOption(
                UndertowOptions.NO_REQUEST_TIMEOUT, (int) TimeUnit.SECONDS.toMillis(IDLE_SECONDS))
            .setSocketOption(Options.WRITE_TIMEOUT, millis)
            .setSocketOption(Options.CONNECTION_HIGH_WATER, bounds.connections())
            .setSocketOption(Options.CONNECTION_LOW_WATER, bounds.connections())
            .setHandler(
                new HttpContinueReadHandler(
                    exchange -> {
                      exchange
                          .getResponseHeaders()
                          .put(HttpString.tryFromString("X-Content-Type-Options"), "nosniff")
                          .put(Headers.CACHE_CONTROL, "no-store");
                      handler.handleRequest(exchange);
                    }))
            .build();
    try {
      undertow.start();
    } catch (RuntimeException e) {
      throw unusable(address, e);
    }
    return undertow;
  }

  /** The port that it listens on. */
  public static int port(Undertow undertow) {
    return ((InetSocketAddress) undertow.getListenerInfo().get(0).getAddress()).getPort();
  }

  private static UserError unusable(ServerOptions.Address address, RuntimeException failure) {
    Throwable cause = failure.getCause() == null ? failure : failure.getCause();
    String where = Text.format("port %s of %s", address.port(), address.host());
    if (cause instanceof BindException) {
      return new UserError(
          Text.format(
              "%s cannot be listened on (%s): it may be in use, or the address be another"
                  + " machine's; name another one with --port%s",
              where, cause.getMessage(), Gate.loopback(address.host()) ? "" : " or --host"),
          failure);
    }
    if (cause instanceof SocketException || cause instanceof UnresolvedAddressException) {
      return new UserError(
          Text.format("%s cannot be listened on: %s; see --host and --port", where, cause),
          failure);
    }
    throw failure;
  }
}
