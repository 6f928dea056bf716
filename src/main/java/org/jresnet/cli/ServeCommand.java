package org.jresnet.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import org.jresnet.base.RegularFile;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageFolder;
import org.jresnet.serve.ModelSource;
import org.jresnet.serve.Server;
import org.jresnet.serve.ServerOptions;
import org.jresnet.train.Decision;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet serve}. */
@Command(
    name = "serve",
    sortOptions = false,
    description = {
      "Answers requests over HTTP with the verdicts of predict, computing together what arrives at about the same time.",
      "Ends with SIGTERM or Ctrl-C, after the requests under way. Standard output is the access log, a JSON object per line."
    })
final class ServeCommand implements Callable<Integer> {
  private static final String TOKEN = "JRESNET_TOKEN";
  private static final int TOKEN_BYTES = 4096;
  private static final int SHORTEST_TOKEN = 16;
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");
  private static final long LEAST_BYTES = 1_000;
  private static final long MOST_BYTES = 1_000_000_000;
  private static final Duration LONGEST = Duration.ofMinutes(10);

  @Parameters(
      arity = "1..*",
      paramLabel = "[NAME=]MODEL",
      description =
          "Run folders, .safetensors or .pth files. Requests name them as the folder or file is called, or by NAME; the first"
              + " answers those that name none. A model whose file changes is replaced while the server runs.")
  private List<String> models;

  @Heading("Server")
  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      defaultValue = "127.0.0.1",
      description = "Where to listen; 0.0.0.0 lets other machines in.")
  private String host;

  @Option(names = "--port", defaultValue = "8080", description = "0 takes any that is free.")
  @Within(min = 0, max = 65_535)
  private int port;

  @Option(
      names = "--allowed-host",
      split = ",",
      paramLabel = "NAME",
      description =
          "Names in the Host header under which it may be asked, besides localhost; needed behind a proxy. Without this any"
              + " name is taken if --host is not of this machine alone.")
  private List<String> allowedHosts = new ArrayList<>();

  @Option(
      names = "--token",
      paramLabel = "FILE",
      description =
          "Ask for the token in this file ('Authorization: Bearer ...'); by default for that of the environment variable "
              + TOKEN
              + ", if there is one.")
  private Path token;

  @Heading("Batches")
  @Option(
      names = "--max-batch",
      paramLabel = "IMAGES",
      defaultValue = "16",
      description = "Most images that are computed together.")
  @Within(min = 1, max = 1024)
  private int maxBatch;

  @Option(
      names = "--max-delay",
      paramLabel = "TIME",
      defaultValue = "5ms",
      converter = Quantity.Time.class,
      description = "How long an image waits for others to be computed with.")
  private Duration maxDelay;

  @Option(
      names = "--queue",
      paramLabel = "IMAGES",
      defaultValue = "256",
      description = "Most images of a model that wait; further ones are refused (429).")
  @Within(min = 1, max = Within.MANY)
  private int queue;

  @Heading("Limits")
  @Option(
      names = "--max-bytes",
      paramLabel = "SIZE",
      defaultValue = "20MB",
      converter = Quantity.Bytes.class,
      description = "Largest body of a request.")
  private Quantity.Size maxBytes;

  @Option(
      names = "--max-connections",
      paramLabel = "N",
      defaultValue = "16384",
      description = "Most open connections; further ones wait.")
  @Within(min = 1, max = Within.MANY)
  private int maxConnections;

  @Option(
      names = "--request-timeout",
      paramLabel = "TIME",
      defaultValue = "20s",
      converter = Quantity.Time.class,
      description = "Time that a client has for the head of a request, and again for its body.")
  private Duration requestTimeout;

  @Option(
      names = "--drain",
      paramLabel = "TIME",
      defaultValue = "30s",
      converter = Quantity.Time.class,
      description = "Time for the requests under way when the server ends.")
  private Duration drain;

  @Mixin private DecisionOptions decisions;

  @Mixin private ModelOptions modelOptions;

  @Mixin private BackendOptions backendOptions;

  @Override
  public Integer call() throws InterruptedException {
    // Standard output is the log.
    Console console = new Console(true);
    ServerOptions options = options(console);
    Server.Listener listener = new Server.Listener(console::note, console::object);
    try (Server server = Server.start(options, sources(console), listener)) {
      console.print(
          "Serving on http://%s:%s; Ctrl-C ends it",
          host.contains(":") ? "[" + host + "]" : host, server.port());
      return serve(console, server);
    }
  }

  /** Waits for a signal, and for the requests that are then under way. */
  private static int serve(Console console, Server server) throws InterruptedException {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch drained = new CountDownLatch(1);
    Thread hook =
        new Thread(
            () -> {
              asked.countDown();
              try {
                drained.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      asked.await();
      console.print("Ending after the requests under way ...");
      boolean all = server.drain();
      console.print(all ? "Ended; nothing was lost" : "Ended; some requests got no answer");
      return all ? 0 : 1;
    } finally {
      drained.countDown();
    }
  }

  private ServerOptions options(Console console) {
    requireTime("--max-delay", maxDelay, Duration.ZERO);
    requireTime("--request-timeout", requestTimeout, Duration.ofMillis(100));
    requireTime("--drain", drain, Duration.ZERO);
    if (maxBytes.bytes() < LEAST_BYTES || maxBytes.bytes() > MOST_BYTES) {
      throw new UsageError(
          Text.format(
              "--max-bytes must be between %s and %s bytes, found %s",
              LEAST_BYTES, MOST_BYTES, maxBytes.bytes()));
    }
    Optional<String> secret = token();
    if (secret.isEmpty() && !Server.loopback(host)) {
      console.note("whoever reaches " + host + " may use this server: it asks for no token");
    }
    return new ServerOptions(
        new ServerOptions.Address(host, port),
        new ServerOptions.Batching(maxBatch, maxDelay, queue),
        new ServerOptions.Bounds(maxBytes.bytes(), maxConnections, requestTimeout, drain),
        new ServerOptions.Access(secret, Set.copyOf(allowedHosts)));
  }

  private static void requireTime(String option, Duration found, Duration least) {
    if (found.compareTo(least) < 0 || found.compareTo(LONGEST) > 0) {
      throw new UsageError(
          Text.format(
              "%s must be between %s and %s ms, found %s",
              option, least.toMillis(), LONGEST.toMillis(), found.toMillis()));
    }
  }

  private Optional<String> token() {
    String found =
        token == null
            ? System.getenv(TOKEN)
            : RegularFile.text(token, "the token file", TOKEN_BYTES).strip();
    if (found == null) {
      return Optional.empty();
    }
    if (found.length() < SHORTEST_TOKEN || !found.chars().allMatch(c -> c > ' ' && c < 127)) {
      throw new UserError(
          Text.format(
              "the token in %s must have at least %s characters, and no spaces or signs that are not"
                  + " ASCII; make one with: openssl rand -hex 32",
              token == null ? TOKEN : token, SHORTEST_TOKEN));
    }
    return Optional.of(found);
  }

  private List<ModelSource> sources(Console console) {
    Decision decision = decisions.decision(false);
    AtomicBoolean opened = new AtomicBoolean();
    Set<String> names = new LinkedHashSet<>();
    List<ModelSource> sources = new ArrayList<>();
    for (String model : models) {
      int equals = model.indexOf('=');
      boolean named = equals > 0 && NAME.matcher(model.substring(0, equals)).matches();
      String path = named ? model.substring(equals + 1) : model;
      String name = named ? model.substring(0, equals) : nameOf(path);
      if (!names.add(name)) {
        throw new UsageError(
            Text.format(
                "two models would be named '%s'; give one another name: NAME=%s", name, path));
      }
      sources.add(
          new ModelSource(
              name,
              ImageFolder.expand(path),
              () -> modelOptions.open(path, console),
              () ->
                  opened.getAndSet(true)
                      ? backendOptions.openAgain()
                      : backendOptions.open(console),
              decision));
    }
    return sources;
  }

  private static String nameOf(String path) {
    Path file = ImageFolder.expand(path).toAbsolutePath().normalize().getFileName();
    String name = file == null ? "" : file.toString().replaceFirst("\\.(safetensors|pth|pt)$", "");
    if (!NAME.matcher(name).matches()) {
      throw new UsageError(
          Text.format(
              "a model is named with letters, digits, '.', '_' and '-', which '%s' has not alone; name"
                  + " it: NAME=%s",
              name, path));
    }
    return name;
  }
}
