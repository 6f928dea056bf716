package org.jresnet.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jresnet.backend.Precision;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.train.Decision;
import org.jresnet.train.ModelCalibration;
import org.jresnet.train.ModelFiles;

/** A server on a free port in fp32 on the CPU, and a client. */
final class TestServer implements AutoCloseable {
  static final ObjectMapper JSON = new ObjectMapper();

  final List<String> notes = Collections.synchronizedList(new ArrayList<>());
  final List<Map<String, Object>> log = Collections.synchronizedList(new ArrayList<>());
  final Server server;
  final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  /** An answer. */
  record Answer(int status, String body, HttpResponse<String> response) {
    JsonNode json() throws IOException {
      return JSON.readTree(body);
    }

    String detail() throws IOException {
      return json().get("detail").asText();
    }
  }

  TestServer(ServerOptions options, ModelSource... sources) {
    server = Server.start(options, List.of(sources), new Server.Listener(notes::add, log::add));
  }

  static ModelSource source(String name, Path path) {
    return source(name, path, ModelCalibration.EVEN);
  }

  static ModelSource source(String name, Path path, String point) {
    return new ModelSource(
        name,
        path,
        () -> ModelFiles.open(path, Optional.empty()),
        () -> Compute.open(BackendKind.CPU, Precision.FP32),
        new Decision(point, OptionalDouble.empty()));
  }

  static ServerOptions options() {
    return options(new ServerOptions.Batching(4, Duration.ofMillis(5), 16));
  }

  static ServerOptions options(ServerOptions.Batching batching) {
    return new ServerOptions(
        new ServerOptions.Address("127.0.0.1", 0),
        batching,
        new ServerOptions.Bounds(1_000_000, 500, Duration.ofSeconds(20), Duration.ofSeconds(20)),
        new ServerOptions.Access(Optional.empty(), Set.of()));
  }

  static ServerOptions with(ServerOptions o, ServerOptions.Bounds bounds) {
    return new ServerOptions(o.address(), o.batching(), bounds, o.access());
  }

  static ServerOptions with(ServerOptions o, ServerOptions.Access access) {
    return new ServerOptions(o.address(), o.batching(), o.bounds(), access);
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path))
        .timeout(Duration.ofSeconds(60));
  }

  Answer send(HttpRequest.Builder request) throws Exception {
    HttpResponse<String> response =
        client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    return new Answer(response.statusCode(), response.body(), response);
  }

  Answer get(String path) throws Exception {
    return send(request(path));
  }

  HttpRequest.Builder image(String query, byte[] bytes) {
    return request("/v1/predict" + query)
        .header("Content-Type", "image/jpeg")
        .POST(HttpRequest.BodyPublishers.ofByteArray(bytes));
  }

  Answer predict(byte[] bytes) throws Exception {
    return send(image("", bytes));
  }

  CompletableFuture<HttpResponse<String>> predictLater(byte[] bytes) {
    return client.sendAsync(image("", bytes).build(), HttpResponse.BodyHandlers.ofString());
  }

  /** The body of a form with files. */
  static byte[] form(String boundary, Map<String, byte[]> files) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    files.forEach(
        (name, bytes) -> {
          out.writeBytes(
              ("--"
                      + boundary
                      + "\r\nContent-Disposition: form-data; name=\"image\"; filename=\""
                      + name
                      + "\"\r\nContent-Type: image/jpeg\r\n\r\n")
                  .getBytes(StandardCharsets.UTF_8));
          out.writeBytes(bytes);
          out.writeBytes("\r\n".getBytes(StandardCharsets.UTF_8));
        });
    out.writeBytes(("--" + boundary + "--\r\n").getBytes(StandardCharsets.UTF_8));
    return out.toByteArray();
  }

  HttpRequest.Builder form(Map<String, byte[]> files) {
    return request("/v1/predict")
        .header("Content-Type", "multipart/form-data; boundary=xyz")
        .POST(HttpRequest.BodyPublishers.ofByteArray(form("xyz", files)));
  }

  /** A connection on which any bytes may be sent. */
  Socket connect() throws IOException {
    Socket socket = new Socket("127.0.0.1", server.port());
    socket.setSoTimeout(60_000);
    return socket;
  }

  /** Sends bytes and reads until the server closes. */
  String raw(String head, byte[] body) throws IOException {
    try (Socket socket = connect()) {
      socket.getOutputStream().write(head.getBytes(StandardCharsets.UTF_8));
      socket.getOutputStream().write(body);
      socket.getOutputStream().flush();
      return readAll(socket.getInputStream());
    }
  }

  static String readAll(InputStream in) throws IOException {
    return new String(in.readAllBytes(), StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    server.close();
  }
}
