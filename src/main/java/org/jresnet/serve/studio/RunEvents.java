package org.jresnet.serve.studio;

import io.undertow.server.HttpServerExchange;
import io.undertow.server.handlers.sse.ServerSentEventConnection;
import io.undertow.server.handlers.sse.ServerSentEventHandler;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jresnet.base.Json;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells pages how the runs stand, as server-sent events (<a
 * href="https://html.spec.whatwg.org/multipage/server-sent-events.html">HTML standard</a>): all of
 * it when a page begins to listen, and again whenever something changed. Nobody looks at the disk
 * while no page listens.
 */
final class RunEvents implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RunEvents.class);
  private static final long PERIOD_MILLIS = 500;

  /** Of the time that looking takes, so much passes before the next look. */
  private static final long SHARE = 10;

  private static final long ALIVE_MILLIS = 15_000;

  private final RunList runs;
  private final Set<ServerSentEventConnection> pages = ConcurrentHashMap.newKeySet();
  private final ServerSentEventHandler handler =
      new ServerSentEventHandler((connection, lastEvent) -> begin(connection));
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "studio events");
            thread.setDaemon(true);
            return thread;
          });
  private String last = "";

  RunEvents(RunList runs) {
    this.runs = runs;
    clock.schedule(this::look, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Answers a request with events until the page goes away. */
  void join(HttpServerExchange exchange) {
    try {
      handler.handleRequest(exchange);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private void begin(ServerSentEventConnection page) {
    page.setKeepAliveTime(ALIVE_MILLIS);
    page.addCloseTask(pages::remove);
    // On the clock's thread, so that no event comes before the first.
    clock.execute(
        () -> {
          pages.add(page);
          send(Set.of(page), true);
        });
  }

  private String now() {
    return Json.line(Map.of("runs", runs.summaries()));
  }

  private void look() {
    long start = System.nanoTime();
    pages.removeIf(page -> !page.isOpen());
    send(pages, false);
    // Of large folders, too, looking takes a small share of the time.
    long millis = Math.max(PERIOD_MILLIS, SHARE * (System.nanoTime() - start) / 1_000_000);
    clock.schedule(this::look, millis, TimeUnit.MILLISECONDS);
  }

  private void send(Set<ServerSentEventConnection> to, boolean first) {
    if (to.isEmpty()) {
      return;
    }
    try {
      String now = now();
      if (first || !now.equals(last)) {
        // What one page hears when it begins is news to the others.
        last = first ? last : now;
        to.forEach(page -> page.send(now));
      }
    } catch (RuntimeException e) {
      // A task that throws would be the last one.
      LOG.error("the runs could not be looked at", e);
    }
  }

  @Override
  public void close() {
    clock.shutdownNow();
  }
}
