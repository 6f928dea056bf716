package org.jresnet.serve;

import io.undertow.Undertow;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** The prediction server. It listens from its start to its {@link #drain}. */
public final class Server implements AutoCloseable {
  /**
   * Who hears of what happens.
   *
   * @param notes what the operator should know
   * @param access a line for each request
   */
  public record Listener(Consumer<String> notes, Consumer<Map<String, Object>> access) {}

  private record Route(String method, String path, boolean guarded, Consumer<Call> handler) {}

  /** Bodies that are not decoded yet take this part of the heap at most. */
  private static final int BODIES = 8;

  private final ServerOptions options;
  private final Metrics metrics = new Metrics();
  private final AccessLog log;
  private final Gate gate;
  private final Models models;
  private final Predictions predictions;
  private final ExecutorService workers;
  private final List<Route> routes;
  private final Set<String> paths;
  private final Undertow undertow;
  private final int port;
  private boolean ended;

  private Server(ServerOptions options, List<ModelSource> sources, Listener listener) {
    this.options = options;
    gate = new Gate(options.address().host(), options.access());
    Body.Memory bodies =
        new Body.Memory(
            Math.max(2 * options.bounds().bytes(), Runtime.getRuntime().maxMemory() / BODIES));
    models = new Models(sources, options.batching(), metrics, listener.notes());
    workers = workers();
    log = new AccessLog(listener.access());
    predictions = new Predictions(models, metrics, options.bounds(), workers, bodies);
    metrics.gauge("jresnet_requests", "Predictions under way.", predictions::underWay);
    metrics.gauge("jresnet_upload_bytes", "Memory of unfinished uploads.", bodies::taken);
    metrics.gauge("jresnet_log_lines_dropped", "Access log lines lost.", log::dropped);
    routes =
        new ArrayList<>(
            List.of(
                new Route("POST", "/v1/predict", true, predictions::handle),
                new Route("GET", "/v1/model", true, this::model),
                new Route("GET", "/healthz", false, call -> call.json(Map.of("status", "alive"))),
                new Route("GET", "/readyz", false, this::ready),
                new Route("GET", "/metrics", true, this::metrics)));
    Assets.all().forEach(a -> routes.add(new Route("GET", a.path(), false, a::send)));
    paths = routes.stream().map(Route::path).collect(Collectors.toSet());
    try {
      undertow = Http.listen(options.address(), options.bounds(), this::handle);
    } catch (RuntimeException e) {
      closeAll();
      throw e;
    }
    port = Http.port(undertow);
  }

  /**
   * Loads the models and listens.
   *
   * @param sources the first one answers requests that name none
   * @throws UserError when a model cannot be served, or the address not be used
   */
  public static Server start(ServerOptions options, List<ModelSource> sources, Listener listener) {
    return new Server(options, sources, listener);
  }

  private static ExecutorService workers() {
    AtomicInteger number = new AtomicInteger();
    return Executors.newFixedThreadPool(
        Runtime.getRuntime().availableProcessors(),
        work -> new Thread(work, "decoder " + number.incrementAndGet()));
  }

  private void handle(HttpServerExchange exchange) {
    Call call = new Call(exchange, this::ended);
    try {
      Route route = route(call);
      gate.require(exchange.getRequestHeaders(), route.guarded());
      route.handler().accept(call);
    } catch (Problem e) {
      if (e.status() == 401) {
        exchange.getResponseHeaders().put(Headers.WWW_AUTHENTICATE, "Bearer");
      }
      call.refuse(e);
    } catch (RuntimeException | Error e) {
      call.fail(e);
    }
  }

  /** What is asked for; problems of the gate come before those of the path. */
  private Route route(Call call) {
    String method = call.exchange().getRequestMethod().toString();
    Set<String> allowed = new TreeSet<>();
    for (Route route : routes) {
      if (route.path().equals(call.path())) {
        if (route.method().equals(method)
            || route.method().equals("GET") && method.equals("HEAD")) {
          return route;
        }
        allowed.add(route.method());
      }
    }
    gate.require(call.exchange().getRequestHeaders(), false);
    if (allowed.isEmpty()) {
      throw new Problem(
          404, Text.format("there is no %s; see /openapi.json", Text.visible(call.path())));
    }
    call.exchange().getResponseHeaders().put(Headers.ALLOW, String.join(", ", allowed));
    throw new Problem(
        405, Text.format("%s takes %s, found %s", call.path(), String.join(", ", allowed), method));
  }

  private void ended(Call call) {
    metrics.request(
        paths.contains(call.path()) ? call.path() : "other", call.status(), call.seconds());
    log.add(call.line());
  }

  private void model(Call call) {
    Map<String, java.util.Deque<String>> query = call.exchange().getQueryParameters();
    ModelVersion version =
        models.get(query.containsKey("model") ? query.get("model").getFirst() : null).acquire();
    try {
      Map<String, Object> values = new LinkedHashMap<>(version.description());
      values.put("models", models.names());
      call.json(values);
    } finally {
      version.release();
    }
  }

  private void ready(Call call) {
    if (predictions.draining()) {
      throw Problem.later(503, "the server is about to end", 1);
    }
    call.json(Map.of("status", "ready", "models", models.names()));
  }

  private void metrics(Call call) {
    call.send(200, Metrics.TYPE, metrics.text());
  }

  /** Whether only this machine reaches an interface. */
  public static boolean loopback(String host) {
    return Gate.loopback(host);
  }

  /** The port that it listens on. */
  public int port() {
    return port;
  }

  /**
   * Ends it: refuses new predictions with 503 (and says so at {@code /readyz}), answers those under
   * way, and closes everything.
   *
   * @return false when the time for that was over, and some got no answer
   */
  public synchronized boolean drain() {
    if (ended) {
      return true;
    }
    predictions.drain();
    long end = System.nanoTime() + options.bounds().drain().toNanos();
    try {
      while (predictions.underWay() > 0 && System.nanoTime() < end) {
        TimeUnit.MILLISECONDS.sleep(5);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    boolean all = predictions.underWay() == 0;
    undertow.stop();
    return closeAll() && all;
  }

  private synchronized boolean closeAll() {
    ended = true;
    boolean all = models.close(java.time.Duration.ZERO);
    workers.shutdown();
    log.close();
    return all;
  }

  @Override
  public void close() {
    drain();
  }
}
