package org.jresnet.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.zip.CRC32;
import org.jresnet.base.Png;
import org.jresnet.data.RgbImage;
import org.jresnet.serve.TestServer.Answer;
import org.jresnet.testing.SeededWeights;
import org.jresnet.testing.SmallModel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that send too much, too slowly, the wrong thing, or go away: others do not notice. */
@Timeout(120)
final class HostileClientsTest {
  private static final int SIZE = 16;

  @TempDir static Path folder;
  private static Path model;
  private static byte[] image;

  private TestServer server;

  @BeforeAll
  static void prepare() throws Exception {
    model = SmallModel.write(folder.resolve("m.safetensors"), SIZE, 1);
    byte[] pixels = new SeededWeights(2).pixels(1, 20, 30);
    image = Png.encode(new RgbImage(30, 20, pixels).toBuffered());
  }

  private void start(ServerOptions options) {
    server = new TestServer(options, TestServer.source("m", model));
  }

  private void start() {
    start(TestServer.options());
  }

  /** So patient that a lone image waits for others. */
  private static ServerOptions patient(int places) {
    return TestServer.options(new ServerOptions.Batching(16, Duration.ofSeconds(2), places));
  }

  private static ServerOptions impatient() {
    ServerOptions o = TestServer.options();
    return TestServer.with(
        o,
        new ServerOptions.Bounds(
            o.bounds().bytes(),
            o.bounds().connections(),
            Duration.ofMillis(400),
            o.bounds().drain()));
  }

  @AfterEach
  void end() {
    server.close();
  }

  private void requireAlive() throws Exception {
    Answer answer = server.predict(image);
    assertThat(answer.status()).as(answer.body()).isEqualTo(200);
  }

  private static void await(String what, BooleanSupplier condition) throws Exception {
    for (int i = 0; i < 4000 && !condition.getAsBoolean(); i++) {
      Thread.sleep(5);
    }
    assertThat(condition.getAsBoolean()).as(what).isTrue();
  }

  private String head(String more) {
    return "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        + more
        + "\r\n\r\n";
  }

  @Test
  void aFullQueueSaysWhenToComeBack() throws Exception {
    start(patient(2));
    var first = server.predictLater(image);
    var second = server.predictLater(image);
    await("two images wait", () -> gauge("jresnet_queue_images") == 2);
    Answer third = server.predict(image);
    assertThat(third.status()).isEqualTo(429);
    assertThat(third.response().headers().firstValueAsLong("Retry-After").orElseThrow())
        .isPositive();
    assertThat(third.detail()).contains("as many images wait for 'm' as may (2)");
    assertThat(first.get().statusCode()).isEqualTo(200);
    assertThat(second.get().statusCode()).isEqualTo(200);
    requireAlive();
  }

  private long gauge(String name) {
    try {
      return server
          .get("/metrics")
          .body()
          .lines()
          .filter(line -> line.startsWith(name))
          .mapToLong(line -> (long) Double.parseDouble(line.substring(line.lastIndexOf(' '))))
          .findFirst()
          .orElseThrow();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void moreImagesThanTheQueueHoldsAreTooMany() throws Exception {
    start(TestServer.options(new ServerOptions.Batching(4, Duration.ZERO, 3)));
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (int i = 0; i < 4; i++) {
      files.put(i + ".png", image);
    }
    Answer answer = server.send(server.form(files));
    assertThat(answer.status()).isEqualTo(413);
    assertThat(answer.detail()).contains("may hold 3 images");
    requireAlive();
  }

  /** It is refused by its head: nothing of a gigabyte is read. */
  @Test
  void aBodyThatIsTooLargeIsRefused() throws Exception {
    start();
    String answer = server.raw(head("Content-Length: 1073741824"), new byte[0]);
    assertThat(answer)
        .startsWith("HTTP/1.1 413")
        .contains("may have 1000000 bytes, found 1073741824");
    Answer counted = server.predict(new byte[1_000_001]);
    assertThat(counted.status()).isEqualTo(413);
    byte[] chunk = new byte[64 << 10];
    ByteArrayOutputStream chunks = new ByteArrayOutputStream();
    for (int i = 0; i < 16; i++) {
      chunks.writeBytes("10000\r\n".getBytes(StandardCharsets.US_ASCII));
      chunks.writeBytes(chunk);
      chunks.writeBytes("\r\n".getBytes(StandardCharsets.US_ASCII));
    }
    try (Socket socket = server.connect()) {
      socket
          .getOutputStream()
          .write(head("Transfer-Encoding: chunked").getBytes(StandardCharsets.US_ASCII));
      socket.getOutputStream().write(chunks.toByteArray());
      byte[] start = socket.getInputStream().readNBytes(12);
      assertThat(new String(start, StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 413");
    }
    assertThat(gauge("jresnet_upload_bytes")).isZero();
    requireAlive();
  }

  @Test
  void aChunkedBodyAndOneThatWaitsForPermissionAreTaken() throws Exception {
    start();
    HttpRequest.Builder chunked =
        server
            .request("/v1/predict")
            .header("Content-Type", "application/octet-stream")
            .POST(HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(image)));
    assertThat(server.send(chunked).status()).isEqualTo(200);
    assertThat(server.send(server.image("", image).expectContinue(true)).status()).isEqualTo(200);
  }

  private Answer form(String type, byte[] body) throws Exception {
    return server.send(
        server
            .request("/v1/predict")
            .header("Content-Type", type)
            .POST(HttpRequest.BodyPublishers.ofByteArray(body)));
  }

  @Test
  void malformedFormsAreRefused() throws Exception {
    start();
    byte[] good = TestServer.form("xyz", Map.of("a.png", image));
    String type = "multipart/form-data; boundary=xyz";
    assertThat(form(type, good).status()).isEqualTo(200);
    byte[] cut = java.util.Arrays.copyOf(good, good.length / 2);
    List<Answer> refused = new ArrayList<>();
    refused.add(form(type, cut));
    refused.add(form("multipart/form-data", good));
    refused.add(form("multipart/form-data; boundary=other", good));
    refused.add(form("multipart/form-data; boundary=" + "x".repeat(71), good));
    refused.add(form(type, new byte[0]));
    refused.add(form(type, "--xyz--\r\n".getBytes(StandardCharsets.US_ASCII)));
    refused.add(form(type, "--xyz\r\n\r\nx\r\n--xyz--\r\n".getBytes(StandardCharsets.US_ASCII)));
    refused.add(
        form(type, "--xyz\r\nno head at all\r\n--xyz--\r\n".getBytes(StandardCharsets.US_ASCII)));
    refused.add(
        form(
            type,
            "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nx\r\n--xyz--\r\n"
                .getBytes(StandardCharsets.US_ASCII)));
    for (Answer answer : refused) {
      assertThat(answer.status()).as(answer.body()).isEqualTo(400);
      assertThat(answer.detail()).contains("form");
    }
    requireAlive();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../../../etc/passwd", "..\\..\\boot.ini", "/dev/zero", "a\u202egnp.exe", "x"})
  void namesOfFilesAreShownAndNothingElse(String name) throws Exception {
    start();
    Answer answer = server.send(server.form(Map.of(name, image)));
    assertThat(answer.status()).as(answer.body()).isEqualTo(200);
    String shown = answer.json().at("/images/0/file").asText();
    assertThat(shown).isEqualTo(org.jresnet.base.Text.visible(name));
    String longName = "n".repeat(5000);
    Answer other = server.send(server.form(Map.of(longName, image)));
    assertThat(other.json().at("/images/0/file").asText()).hasSize(255);
  }

  @Test
  void whatIsNoImageOrOneToExhaustMemoryIsRefused() throws Exception {
    start();
    Answer text = server.predict("hello".getBytes(StandardCharsets.US_ASCII));
    assertThat(text.status()).isEqualTo(422);
    assertThat(text.detail()).startsWith("the image: ");
    Answer bomb = server.predict(pngHead(60_000, 60_000));
    assertThat(bomb.status()).isEqualTo(422);
    assertThat(bomb.detail()).contains("has 60000x60000 pixels");
    Answer cut = server.predict(java.util.Arrays.copyOf(image, image.length / 2));
    assertThat(cut.status()).isEqualTo(422);
    assertThat(gauge("jresnet_queue_images")).isZero();
    assertThat(server.get("/metrics").body())
        .contains("jresnet_images_total{model=\"m\",result=\"bad\"} 3.0");
    requireAlive();
  }

  /** A valid signature and head, and a compressed row or two. */
  private static byte[] pngHead(int width, int height) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    DataOutputStream data = new DataOutputStream(head);
    data.writeBytes("IHDR");
    data.writeInt(width);
    data.writeInt(height);
    data.write(new byte[] {8, 2, 0, 0, 0});
    CRC32 crc = new CRC32();
    crc.update(head.toByteArray());
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    DataOutputStream file = new DataOutputStream(out);
    file.writeLong(0x89504E470D0A1A0AL);
    file.writeInt(13);
    file.write(head.toByteArray());
    file.writeInt((int) crc.getValue());
    file.write(image, 33, image.length - 33);
    return out.toByteArray();
  }

  /** Slow-loris: heads, and bodies, that never come to an end. */
  @Test
  void slowClientsAreCutOffAndOthersServed() throws Exception {
    start(impatient());
    List<Socket> slow = new ArrayList<>();
    try {
      for (int i = 0; i < 200; i++) {
        Socket socket = server.connect();
        String start = head("Content-Length: 1000");
        boolean body = i % 2 == 0;
        String sent = body ? start + "some" : start.substring(0, 40 + i % 10);
        socket.getOutputStream().write(sent.getBytes(StandardCharsets.US_ASCII));
        slow.add(socket);
      }
      requireAlive();
      for (Socket socket : slow) {
        assertThat(ended(socket)).as("cut off").isTrue();
      }
    } finally {
      for (Socket socket : slow) {
        socket.close();
      }
    }
    await("all uploads are forgotten", () -> gauge("jresnet_upload_bytes") == 0);
    await(
        "a hundred bodies were too slow",
        () -> {
          synchronized (server.log) {
            return server.log.stream()
                    .filter(l -> Integer.valueOf(408).equals(l.get("status")))
                    .count()
                == 100;
          }
        });
    requireAlive();
  }

  private static boolean ended(Socket socket) throws IOException {
    try {
      while (socket.getInputStream().read() >= 0) {
        // An answer may come first.
      }
      return true;
    } catch (SocketException e) {
      return true;
    }
  }

  /** A byte now and then does not prolong it. */
  @Test
  void aTrickleIsCutOff() throws Exception {
    start(impatient());
    try (Socket socket = server.connect()) {
      socket
          .getOutputStream()
          .write(head("Content-Length: 1000").getBytes(StandardCharsets.US_ASCII));
      CompletableFuture<Boolean> cut =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return ended(socket);
                } catch (IOException e) {
                  return false;
                }
              });
      int sent = 0;
      try {
        for (; sent < 1000 && !cut.isDone(); sent++) {
          socket.getOutputStream().write('x');
          socket.getOutputStream().flush();
          Thread.sleep(20);
        }
      } catch (SocketException e) {
        // That is what was waited for.
      }
      assertThat(sent).isLessThan(1000);
      assertThat(cut.get()).isTrue();
    }
  }

  @Test
  void clientsThatGoAwayLeaveNothingBehind() throws Exception {
    start(patient(16));
    for (int i = 0; i < 8; i++) {
      try (Socket half = server.connect();
          Socket whole = server.connect()) {
        half.getOutputStream()
            .write(head("Content-Length: 1000").getBytes(StandardCharsets.US_ASCII));
        half.getOutputStream().write(new byte[500]);
        whole
            .getOutputStream()
            .write(head("Content-Length: " + image.length).getBytes(StandardCharsets.US_ASCII));
        whole.getOutputStream().write(image);
        whole.getOutputStream().flush();
      }
    }
    await("nothing waits", () -> gauge("jresnet_queue_images") == 0);
    await("nothing is under way", () -> gauge("jresnet_requests") == 0);
    await("no upload is kept", () -> gauge("jresnet_upload_bytes") == 0);
    requireAlive();
  }

  @ParameterizedTest
  @ValueSource(strings = {"Content-Length: abc", "Content-Length: -5"})
  void brokenLengthsAreRefused(String header) throws Exception {
    start();
    assertThat(server.raw(head(header), new byte[0])).startsWith("HTTP/1.1 400");
    requireAlive();
  }

  @Test
  void anUnknownTransferEncodingEndsTheConnection() throws Exception {
    start();
    assertThat(server.raw(head("Transfer-Encoding: nonsense"), new byte[0])).isEmpty();
    requireAlive();
  }

  @Test
  void anEndlessHeadIsRefused() throws Exception {
    start();
    try (Socket socket = server.connect()) {
      byte[] line = ("X-Header: " + "y".repeat(1000) + "\r\n").getBytes(StandardCharsets.US_ASCII);
      socket
          .getOutputStream()
          .write("GET / HTTP/1.1\r\nHost: localhost\r\n".getBytes(StandardCharsets.US_ASCII));
      int sent = 0;
      try {
        for (; sent < 10_000; sent++) {
          socket.getOutputStream().write(line);
        }
      } catch (SocketException e) {
        // Closed, as it should be.
      }
      assertThat(sent).isLessThan(10_000);
    }
    requireAlive();
  }

  @Test
  void requestsUnderWayAreAnsweredBeforeTheEnd() throws Exception {
    start(patient(16));
    CompletableFuture<HttpResponse<String>> waiting = server.predictLater(image);
    await("an image waits", () -> gauge("jresnet_queue_images") == 1);
    CompletableFuture<Boolean> drained = CompletableFuture.supplyAsync(server.server::drain);
    await("it is not ready any more", () -> status("/readyz") == 503);
    assertThat(status("/healthz")).isEqualTo(200);
    Answer late = server.predict(image);
    assertThat(late.status()).isEqualTo(503);
    assertThat(late.response().headers().firstValue("Retry-After")).isPresent();
    assertThat(waiting.get().statusCode()).isEqualTo(200);
    assertThat(drained.get()).isTrue();
    assertThat(org.assertj.core.api.Assertions.catchThrowable(() -> server.predict(image)))
        .isInstanceOf(IOException.class);
  }

  private int status(String path) {
    try {
      return server.get(path).status();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** What the drain does not wait for is given up, and said to be. */
  @Test
  void theEndDoesNotWaitForEver() throws Exception {
    ServerOptions o = patient(16);
    start(
        TestServer.with(
            o,
            new ServerOptions.Bounds(
                o.bounds().bytes(), 500, o.bounds().request(), Duration.ofMillis(50))));
    CompletableFuture<HttpResponse<String>> waiting = server.predictLater(image);
    await("an image waits", () -> gauge("jresnet_queue_images") == 1);
    assertThat(server.server.drain()).isFalse();
    assertThat(org.assertj.core.api.Assertions.catchThrowable(waiting::get)).isNotNull();
  }
}
