package org.jresnet.serve;

import io.undertow.server.HttpServerExchange;
import io.undertow.util.AttachmentKey;
import io.undertow.util.Headers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jresnet.base.Json;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One request, from its head to the end of its answer or of its connection. */
public final class Call {
  /** In the access log where the client went away; nginx's number for it. */
  static final int HUNG_UP = 499;

  private static final Logger LOG = LoggerFactory.getLogger(Call.class);

  /** The call that a connection is busy with: a connection has one listener, however many calls. */
  private static final AttachmentKey<Current> CURRENT = AttachmentKey.create(Current.class);

  private static final class Current {
    volatile Call call;
  }

  private final HttpServerExchange exchange;
  private final Instant time = Instant.now();
  private final long start = System.nanoTime();
  private final Consumer<Call> ended;
  private final AtomicBoolean over = new AtomicBoolean();
  private final List<Runnable> cleanups = new ArrayList<>();
  private volatile int status;
  private volatile long requestBytes;
  private volatile String model = "";
  private volatile int images;

  /** Begins; {@code ended} hears of the end once, however it comes. */
  public Call(HttpServerExchange exchange, Consumer<Call> ended) {
    this.exchange = exchange;
    this.ended = ended;
    Current current = exchange.getConnection().getAttachment(CURRENT);
    if (current == null) {
      Current fresh = new Current();
      exchange.getConnection().putAttachment(CURRENT, fresh);
      exchange
          .getConnection()
          .addCloseListener(
              connection -> {
                Call last = fresh.call;
                if (last != null) {
                  last.end(last.status == 0 ? HUNG_UP : last.status);
                }
              });
      current = fresh;
    }
    current.call = this;
    exchange.addExchangeCompleteListener(
        (done, next) -> {
          end(done.getStatusCode());
          next.proceed();
        });
  }

  /** What is asked and answered. */
  public HttpServerExchange exchange() {
    return exchange;
  }

  /** Does something at the end, at once if that has come. */
  void atEnd(Runnable cleanup) {
    synchronized (cleanups) {
      if (!over.get()) {
        cleanups.add(cleanup);
        return;
      }
    }
    cleanup.run();
  }

  private void end(int code) {
    List<Runnable> todo;
    synchronized (cleanups) {
      if (!over.compareAndSet(false, true)) {
        return;
      }
      todo = List.copyOf(cleanups);
    }
    status = code;
    todo.forEach(Runnable::run);
    ended.accept(this);
  }

  /** Whether nobody waits for an answer any more. */
  boolean over() {
    return over.get();
  }

  void received(long bytes) {
    requestBytes = bytes;
  }

  void about(String name, int count) {
    model = name;
    images = count;
  }

  /** Says what the log shall show if the connection ends before an answer. */
  void expect(int code) {
    status = code;
  }

  int status() {
    return status;
  }

  /** Of the request. */
  public String path() {
    return exchange.getRequestPath();
  }

  double seconds() {
    return (System.nanoTime() - start) / 1e9;
  }

  /** Answers with JSON. */
  public void json(Object value) {
    send(200, "application/json", Json.line(value));
  }

  /** Answers with a refusal. */
  public void refuse(Problem problem) {
    if (problem.retryAfter() > 0) {
      exchange.getResponseHeaders().put(Headers.RETRY_AFTER, problem.retryAfter());
    }
    if (!exchange.isRequestComplete()) {
      // What is left of the body is not read, so that nothing can follow it.
      exchange.setPersistent(false);
    }
    send(problem.status(), Problem.TYPE, problem.json());
  }

  /** Answers with whatever went wrong: refusals as they are, the rest without its inside. */
  public void fail(Throwable failure) {
    if (failure instanceof Problem problem) {
      refuse(problem);
      return;
    }
    LOG.error("{} {} failed", exchange.getRequestMethod(), path(), failure);
    refuse(new Problem(500, "the server failed at this request; its log says how"));
  }

  /** Answers with text; nothing happens where nobody listens any more. */
  public void send(int code, String type, String text) {
    if (over() || exchange.isResponseStarted()) {
      return;
    }
    exchange.setStatusCode(code);
    exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, type);
    exchange.getResponseSender().send(text, StandardCharsets.UTF_8);
  }

  /** Answers with bytes. */
  public void send(String type, byte[] bytes) {
    if (over() || exchange.isResponseStarted()) {
      return;
    }
    exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, type);
    exchange.getResponseSender().send(ByteBuffer.wrap(bytes));
  }

  /** The line of the access log. */
  Map<String, Object> line() {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("time", time.toString());
    line.put("client", exchange.getSourceAddress().getAddress().getHostAddress());
    line.put("method", exchange.getRequestMethod().toString());
    line.put("path", path());
    line.put("status", status);
    line.put("request_bytes", requestBytes);
    line.put("response_bytes", exchange.getResponseBytesSent());
    line.put("ms", Math.round(seconds() * 1e4) / 10.0);
    if (!model.isEmpty()) {
      line.put("model", model);
      line.put("images", images);
    }
    return line;
  }
}
