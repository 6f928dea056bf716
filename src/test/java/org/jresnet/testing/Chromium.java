package org.jresnet.testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A browser without a window, spoken to in the <a
 * href="https://chromedevtools.github.io/devtools-protocol/">DevTools protocol</a>.
 */
public final class Chromium implements AutoCloseable, WebSocket.Listener {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Process process;
  private final HttpClient client = HttpClient.newHttpClient();
  private final Map<Integer, CompletableFuture<JsonNode>> asked = new ConcurrentHashMap<>();
  private final List<String> requests = Collections.synchronizedList(new ArrayList<>());
  private final List<String> complaints = Collections.synchronizedList(new ArrayList<>());
  private final StringBuilder text = new StringBuilder();
  private WebSocket socket;
  private int number;

  private Chromium(Process process) {
    this.process = process;
  }

  /** Empty where there is none on the path. */
  public static Optional<Chromium> start(Path profile) throws Exception {
    Optional<Path> program =
        Stream.of(Optional.ofNullable(System.getenv("PATH")).orElse("").split(":"))
            .filter(f -> !f.isEmpty())
            .flatMap(
                f ->
                    Stream.of("chromium", "chromium-browser", "google-chrome")
                        .map(n -> Path.of(f, n)))
            .filter(Files::isExecutable)
            .findFirst();
    if (program.isEmpty()) {
      return Optional.empty();
    }
    Process process =
        new ProcessBuilder(
                program.get().toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--user-data-dir=" + profile,
                "--remote-debugging-port=0",
                "--remote-allow-origins=*",
                "about:blank")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    Chromium browser = new Chromium(process);
    try {
      browser.connect(profile.resolve("DevToolsActivePort"));
      return Optional.of(browser);
    } catch (Exception | AssertionError e) {
      browser.close();
      throw e;
    }
  }

  private void connect(Path portFile) throws Exception {
    for (int i = 0; i < 6000 && (!Files.exists(portFile) || Files.size(portFile) == 0); i++) {
      assertThat(process.isAlive()).as("Chromium runs").isTrue();
      Thread.sleep(10);
    }
    String port = Files.readAllLines(portFile).get(0);
    HttpResponse<String> pages =
        client.send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/json/new?about:blank"))
                .method("PUT", HttpRequest.BodyPublishers.noBody())
                .build(),
            HttpResponse.BodyHandlers.ofString());
    String address = JSON.readTree(pages.body()).get("webSocketDebuggerUrl").asText();
    socket =
        client
            .newWebSocketBuilder()
            .buildAsync(URI.create(address), this)
            .get(30, TimeUnit.SECONDS);
    ask("Network.enable", Map.of());
    ask("Page.enable", Map.of());
    ask("DOM.enable", Map.of());
    ask("Log.enable", Map.of());
    ask("Runtime.enable", Map.of());
  }

  @Override
  public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
    text.append(data);
    if (last) {
      try {
        JsonNode message = JSON.readTree(text.toString());
        text.setLength(0);
        if (message.has("id")) {
          asked.remove(message.get("id").asInt()).complete(message);
        } else {
          note(message.get("method").asText(), message.get("params"));
        }
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
    from.request(1);
    return null;
  }

  private void note(String event, JsonNode about) {
    switch (event) {
      case "Log.entryAdded" -> complaints.add(about.at("/entry/text").asText());
      case "Runtime.exceptionThrown" -> complaints.add(about.get("exceptionDetails").toString());
      case "Runtime.consoleAPICalled" -> {
        if (about.get("type").asText().equals("error")) {
          complaints.add(about.get("args").toString());
        }
      }
      case "Network.requestWillBeSent" -> requests.add(about.at("/request/url").asText());
      default -> {}
    }
  }

  private JsonNode ask(String method, Map<String, Object> parameters) throws Exception {
    int id = ++number;
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    asked.put(id, answer);
    socket
        .sendText(
            JSON.writeValueAsString(Map.of("id", id, "method", method, "params", parameters)), true)
        .get(30, TimeUnit.SECONDS);
    JsonNode found = answer.get(60, TimeUnit.SECONDS);
    assertThat(found.has("error")).as(found.toString()).isFalse();
    return found.get("result");
  }

  /** Goes to an address. */
  public void open(String address) throws Exception {
    ask("Page.navigate", Map.of("url", address));
  }

  /** The value of an expression; of a promise, what it brings. */
  public JsonNode run(String expression) throws Exception {
    JsonNode result =
        ask(
            "Runtime.evaluate",
            Map.of("expression", expression, "returnByValue", true, "awaitPromise", true));
    assertThat(result.has("exceptionDetails")).as(result.toString()).isFalse();
    return result.at("/result/value");
  }

  /** Waits until an expression is true; the page may not be there yet. */
  public void await(String expression) throws Exception {
    for (int i = 0; i < 3000; i++) {
      JsonNode result =
          ask("Runtime.evaluate", Map.of("expression", expression, "returnByValue", true));
      if (result.at("/result/value").asBoolean(false)) {
        return;
      }
      Thread.sleep(10);
    }
    assertThat(run("document.body.innerText").asText()).as("never true: %s", expression).isNull();
  }

  /** Chooses a file as a person does. */
  public void choose(String selector, Path file) throws Exception {
    int root = ask("DOM.getDocument", Map.of()).at("/root/nodeId").asInt();
    int node =
        ask("DOM.querySelector", Map.of("nodeId", root, "selector", selector))
            .get("nodeId")
            .asInt();
    ask("DOM.setFileInputFiles", Map.of("nodeId", node, "files", List.of(file.toString())));
  }

  /** What the browser's console shows: errors, and violations of the policy. */
  public List<String> complaints() {
    return List.copyOf(complaints);
  }

  /** Every address that was asked for. */
  public List<String> requests() {
    return List.copyOf(requests);
  }

  /** Presses a key as a person does, such as {@code ArrowRight}; a character for {@code " "}. */
  public void press(String key) throws Exception {
    for (String type : List.of("keyDown", "keyUp")) {
      Map<String, Object> event = new java.util.HashMap<>(Map.of("type", type, "key", key));
      if (key.length() == 1 && type.equals("keyDown")) {
        event.put("text", key);
      }
      ask("Input.dispatchKeyEvent", event);
    }
  }

  /** Shows pages as with the user's preference for {@code dark} or {@code light} colours. */
  public void prefer(String scheme) throws Exception {
    ask(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroy);
    process.destroy();
    try {
      if (!process.waitFor(20, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
