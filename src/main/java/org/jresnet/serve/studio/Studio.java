package org.jresnet.serve.studio;

import io.undertow.Undertow;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jresnet.base.Closing;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.base.Version;
import org.jresnet.serve.Body;
import org.jresnet.serve.Call;
import org.jresnet.serve.Http;
import org.jresnet.serve.Problem;
import org.jresnet.serve.ServerOptions;

/** The studio's server, for this machine alone. It listens from its start to its end. */
public final class Studio implements AutoCloseable {
  private static final String HOST = "127.0.0.1";
  private static final int WORKERS = 4;
  private static final long UPLOAD_BYTES = 50_000_000;
  private static final ServerOptions.Bounds BOUNDS =
      new ServerOptions.Bounds(UPLOAD_BYTES, 256, Duration.ofSeconds(60), Duration.ZERO);

  private final Entry entry = new Entry(HOST);
  private final Body.Memory bodies = new Body.Memory(4 * UPLOAD_BYTES);
  private final Map<String, Consumer<Call>> routes = new LinkedHashMap<>();
  private final ExecutorService workers = Executors.newFixedThreadPool(WORKERS);
  private final List<AutoCloseable> owned = new ArrayList<>();
  private final Undertow undertow;
  private final String address;

  private Studio(StudioOptions options) {
    RunList runs = new RunList(options.root());
    RunEvents events = new RunEvents(runs);
    Engine engine = new Engine(options.compute());
    owned.addAll(List.of(events, engine));
    try {
      get("/api/state", call -> call.json(state(runs)));
      get("/api/runs", call -> call.json(Map.of("runs", runs.summaries())));
      routes.put("GET /api/runs/events", call -> events.join(call.exchange()));
      Program program = new Program(options.jresnet());
      RunActions actions = new RunActions(runs, program);
      post("/api/stop", call -> call.json(actions.stop(parameter(call, "run"))));
      post("/api/resume", call -> call.json(actions.resume(parameter(call, "run"))));
      Evaluations evaluations = new Evaluations(runs);
      get("/api/evaluations", call -> call.json(evaluations.of(parameter(call, "run"))));
      get("/api/thumbnail", call -> evaluations.thumbnail(call));
      NetworkFacts network = new NetworkFacts(runs, engine);
      get("/api/network", call -> call.json(network.of(parameter(call, "run"))));
      get("/api/filters", call -> call.json(network.filters(parameter(call, "run"))));
      get(
          "/api/histogram",
          call ->
              call.json(network.histogram(parameter(call, "run"), parameter(call, "parameter"))));
      post("/api/profile", call -> call.json(network.profile(parameter(call, "run"))));
      Walks walks = new Walks(runs, engine, options.root());
      owned.add(walks);
      get("/api/recordings", call -> call.json(walks.list()));
      get("/api/samples", call -> call.json(walks.samples(parameter(call, "run"))));
      post(
          "/api/record-sample",
          call -> call.json(walks.record(parameter(call, "run"), number(call, "sample"))));
      upload(
          "/api/record",
          (call, image) ->
              call.json(
                  walks.record(
                      parameter(call, "run"),
                      parameter(call, "label"),
                      parameter(call, "name"),
                      image)));
      WalkRequests walk = new WalkRequests(walks);
      get("/api/walk", walk::describe);
      get("/api/map", walk::map);
      get("/api/image", walks::image);
      get("/api/trace", walk::trace);
      get("/api/source", walk::source);
      get("/api/save", walk::save);
      Explanations explanations = new Explanations(runs, engine);
      upload(
          "/api/explain",
          (call, image) -> call.json(explanations.of(parameter(call, "run"), image)));
      Labs labs = new Labs(runs, program);
      get("/api/labs", call -> call.json(labs.list()));
      get("/api/lab-picture", labs::picture);
      post(
          "/api/lab-run",
          call ->
              call.json(
                  labs.start(parameter(call, "run"), optional(call, "experiments").orElse(""))));
      undertow = Http.listen(new ServerOptions.Address(HOST, options.port()), BOUNDS, this::handle);
    } catch (RuntimeException e) {
      closeAll();
      throw e;
    }
    address = entry.address(HOST, Http.port(undertow));
  }

  /**
   * Listens on the loopback interface.
   *
   * @throws UserError when there is nothing to show, or the port is taken
   */
  public static Studio start(StudioOptions options) {
    return new Studio(options);
  }

  /** Where to open it: the token that lets you in is part of it. */
  public String address() {
    return address;
  }

  private static Map<String, Object> state(RunList runs) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("root", runs.root().toString());
    values.put("version", Version.number());
    return values;
  }

  private void get(String path, Consumer<Call> handler) {
    routes.put("GET " + path, call -> work(call, handler));
  }

  private void post(String path, Consumer<Call> handler) {
    routes.put("POST " + path, call -> work(call, handler));
  }

  /** A request whose body is a file. */
  private void upload(String path, BiConsumer<Call, byte[]> handler) {
    routes.put(
        "POST " + path,
        call ->
            Body.read(
                call,
                BOUNDS,
                bodies,
                body -> {
                  byte[] bytes = bytes(body);
                  work(call, c -> handler.accept(c, bytes));
                }));
  }

  private static byte[] bytes(ByteBuffer body) {
    byte[] bytes = new byte[body.remaining()];
    body.get(bytes);
    return bytes;
  }

  /** Answers on a thread that may wait for files and for the engine. */
  private void work(Call call, Consumer<Call> handler) {
    call.exchange()
        .dispatch(
            workers,
            () -> {
              try {
                handler.accept(call);
              } catch (UserError e) {
                call.refuse(new Problem(422, e.headline() + details(e)));
              } catch (RuntimeException | Error e) {
                call.fail(e);
              }
            });
  }

  private static String details(UserError e) {
    return e.details().isEmpty() ? "" : " " + String.join("; ", e.details());
  }

  /**
   * A parameter of the query that must be there.
   *
   * @throws Problem naming it
   */
  static String parameter(Call call, String name) {
    return optional(call, name)
        .orElseThrow(
            () -> new Problem(400, Text.format("the query lacks the parameter '%s'", name)));
  }

  /** A parameter of the query. */
  static Optional<String> optional(Call call, String name) {
    Deque<String> values = call.exchange().getQueryParameters().get(name);
    return Optional.ofNullable(values).map(Deque::getFirst);
  }

  /**
   * A whole number of the query.
   *
   * @throws Problem when it is missing or none
   */
  static int number(Call call, String name) {
    String text = parameter(call, name);
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new Problem(
          400, Text.format("'%s' must be a whole number, found '%s'", name, Text.visible(text)));
    }
  }

  private void handle(HttpServerExchange exchange) {
    Call call = new Call(exchange, done -> {});
    try {
      entry.require(exchange);
      String method = exchange.getRequestMethod().toString();
      if (method.equals("GET") && StudioFiles.has(call.path())) {
        StudioFiles.send(call);
        return;
      }
      Consumer<Call> handler = routes.get(method + " " + call.path());
      if (handler == null) {
        throw unknown(call);
      }
      handler.accept(call);
    } catch (Problem e) {
      call.refuse(e);
    } catch (RuntimeException | Error e) {
      call.fail(e);
    }
  }

  private Problem unknown(Call call) {
    for (String method : Set.of("GET", "POST")) {
      if (routes.containsKey(method + " " + call.path())) {
        call.exchange().getResponseHeaders().put(Headers.ALLOW, method);
        return new Problem(405, Text.format("%s takes %s", call.path(), method));
      }
    }
    return new Problem(404, Text.format("there is no %s", Text.visible(call.path())));
  }

  private void closeAll() {
    workers.shutdown();
    Closing.closeAll(owned);
  }

  @Override
  public void close() {
    undertow.stop();
    closeAll();
  }
}
