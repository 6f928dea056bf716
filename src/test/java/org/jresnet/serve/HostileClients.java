package org.jresnet.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.jresnet.base.Png;
import org.jresnet.data.RgbImage;
import org.jresnet.serve.TestServer.Answer;
import org.jresnet.testing.SeededWeights;
import org.jresnet.testing.SmallModel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A server that clients want to harm; others must not notice. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
abstract class HostileClients {
  byte[] image;
  TestServer server;
  private Path model;

  @BeforeAll
  final void prepare(@TempDir Path folder) throws Exception {
    model = SmallModel.write(folder.resolve("m.safetensors"), 16, 1);
    byte[] pixels = new SeededWeights(2).pixels(1, 20, 30);
    image = Png.encode(new RgbImage(30, 20, pixels).toBuffered());
  }

  final void start(ServerOptions options) {
    server = new TestServer(options, TestServer.source("m", model));
  }

  final void start() {
    start(TestServer.options());
  }

  /** So patient that a lone image waits for others. */
  static ServerOptions patient(int places) {
    return TestServer.options(new ServerOptions.Batching(16, Duration.ofSeconds(2), places));
  }

  @AfterEach
  final void end() {
    server.close();
  }

  /** Whoever behaves is answered. */
  final void requireAlive() throws Exception {
    Answer answer = server.predict(image);
    assertThat(answer.status()).as(answer.body()).isEqualTo(200);
  }

  /** Waits for twenty seconds at the most. */
  static void await(String what, BooleanSupplier condition) throws Exception {
    for (int i = 0; i < 4000 && !condition.getAsBoolean(); i++) {
      Thread.sleep(5);
    }
    assertThat(condition.getAsBoolean()).as(what).isTrue();
  }

  /** The head of a request to predict. */
  static String head(String more) {
    return "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        + more
        + "\r\n\r\n";
  }

  /** A value of /metrics. */
  final long gauge(String name) {
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

  /** The status that a path answers with. */
  final int status(String path) {
    try {
      return server.get(path).status();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
